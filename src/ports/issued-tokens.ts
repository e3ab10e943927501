/** What an access token of an identity provider says, once it is proven to be that provider's and meant for Keyhold. */
export interface IssuedToken {
  readonly issuer: string;
  readonly subject: string;
  /** Milliseconds since 1970, like every time here; the provider says whole seconds. */
  readonly issuedAt: number;
  readonly expiresAt: number;
  /** When the user proved who they are, where the token says so (`auth_time`); a token that is refreshed keeps it. */
  readonly authenticatedAt?: number | undefined;
}

/** Checks access tokens that identity providers issue (S23). */
export interface IssuedTokens {
  /** undefined for everything that is no valid access token for Keyhold, whatever is wrong with it. Rejects with `unavailable` when the provider's keys cannot be had. */
  check(text: string): Promise<IssuedToken | undefined>;
}
