/** What one sign-in with a browser has to come back with. */
export interface SignInRequest {
  readonly state: string;
  readonly nonce: string;
  /** Secret until it is shown to the provider (RFC 7636). */
  readonly verifier: string;
  /** Where the browser comes back to. */
  readonly redirectUri: string;
  /** The user proves anew who they are, whatever the provider remembers. */
  readonly fresh: boolean;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
}

/** Somebody who has signed in at an identity provider. */
export interface ProvenUser {
  readonly subject: string;
  /** Shown only. */
  readonly name: string | null;
  readonly email: string | null;
  /** When they proved who they are; null: the provider does not say. */
  readonly authenticatedAt: number | null;
  /** What the provider calls its own session. */
  readonly sid: string | undefined;
}

/** What an identity provider says has ended: one session of its own, or all of a user's. */
export interface EndedAtProvider {
  readonly issuer: string;
  readonly sid: string | undefined;
  readonly subject: string | undefined;
}

/** Identity providers as people with a browser meet them (S23): OpenID Connect, authorization code with PKCE. Issuers are named as they call themselves. */
export interface IdentityProviders {
  /** Where the browser goes. Rejects with `unavailable` when the provider cannot be asked. */
  authorizationUrl(issuer: string, request: SignInRequest): Promise<string>;
  /** Who it was, by what the browser came back with. Rejects with `unauthenticated` when that proves nobody, and with `unavailable`. */
  finish(issuer: string, parameters: URLSearchParams, request: SignInRequest): Promise<ProvenUser>;
  /** Where the browser goes to sign out there, too, and comes back from; undefined: there is no such address, or it cannot be asked for at the moment. */
  endSessionUrl(issuer: string, comeBack: string): Promise<string | undefined>;
  /** What a logout token says; undefined for everything that is none of these providers'. Rejects with `unavailable`. */
  ended(logoutToken: string): Promise<EndedAtProvider | undefined>;
}
