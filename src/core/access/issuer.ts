import type { SecretValue } from '../../ports/secret-value.ts';

/** The roles of a tenant that an issuer's users can be bounded by. */
export const BOUNDING_ROLES = ['tenant-admin', 'tenant-member', 'tenant-auditor'] as const;

/** What an issuer's access tokens have as their type: `at+jwt` as RFC 9068 says; `jwt`, or none, where a provider does not go by that. */
export const ACCESS_TOKEN_TYPES = ['at+jwt', 'jwt'] as const;

/** An identity provider whose users may sign in, and the most that they can do here, whatever they were given (S23). */
export interface Issuer {
  /** Exactly as `iss` in its tokens. */
  readonly issuer: string;
  /** What people know it as. */
  readonly name: string;
  /** What stands for Keyhold in `aud` of its access tokens; null: these are not taken. */
  readonly audience: string | null;
  readonly accessTokenType: (typeof ACCESS_TOKEN_TYPES)[number];
  /** What Keyhold is to it; null: people do not sign in there with a browser. */
  readonly client: IssuerClient | null;
  /** What `keyhold login` is to it; null: terminals do not sign in there. Only where access tokens are taken. */
  readonly terminal: TerminalClient | null;
  /** Where its keys are; null: as its discovery document says. */
  readonly jwksUrl: string | null;
  /** Where its users can hold something; null: in every tenant. */
  readonly tenants: ReadonlySet<string> | null;
  /** A role that permits something that this one does not counts as not held. */
  readonly highestRole: (typeof BOUNDING_ROLES)[number];
  /** Whether its users can hold roles of the platform. */
  readonly platformRoles: boolean;
  /** What a user gets whom nobody has invited; null: nothing, and is not let in. */
  readonly firstSignIn: FirstSignIn | null;
}

export interface IssuerClient {
  readonly id: string;
  /** null: a public client, which PKCE alone protects. */
  readonly secret: SecretValue | null;
}

/** A public client that may use the device flow (RFC 8628). */
export interface TerminalClient {
  readonly id: string;
  /** What is asked for, divided by spaces. */
  readonly scope: string;
}

/** Never a role of the platform, and never a tenant's administrator. */
export interface FirstSignIn {
  readonly tenant: string;
  readonly role: string;
}
