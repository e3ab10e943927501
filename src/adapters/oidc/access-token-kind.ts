import type { JWTPayload } from 'jose';
import type { Issuer } from '../../core/access/issuer.ts';

/** https://www.rfc-editor.org/rfc/rfc9068#section-2.1: an ID token, which has another type, is no access token. */
const ACCESS_TOKEN = /^(?:application\/)?at\+jwt$/iu;
const ANY_JWT = /^(?:application\/)?jwt$/iu;
/** What ID tokens, logout tokens and their kin have, and access tokens have not (OpenID Connect Core 3.1.3.6 and 3.3.2.11, Back-Channel Logout 2.4). */
const NOT_OF_ACCESS_TOKENS = ['nonce', 'at_hash', 'c_hash', 's_hash', 'events'];

/**
 * Whether a token that is right in everything else is an access token: by its type, or, for an issuer that is said to give them none, by what only access tokens have (a scope) and by
 * having nothing of the other kinds, which every client of the issuer can get (S23).
 */
export function isAccessToken({ accessTokenType, client }: Pick<Issuer, 'accessTokenType' | 'client'>, type: string | undefined, payload: JWTPayload): boolean {
  if (type !== undefined && ACCESS_TOKEN.test(type)) return true;
  if (accessTokenType !== 'jwt' || (type !== undefined && !ANY_JWT.test(type))) return false;
  if (NOT_OF_ACCESS_TOKENS.some((name) => Object.hasOwn(payload, name))) return false;
  if (client !== null && [payload.aud].flat().includes(client.id)) return false;
  // Keycloak names the kind in the payload: Bearer, ID, Refresh, Logout.
  if (payload['typ'] !== undefined && payload['typ'] !== 'Bearer') return false;
  return isScope(payload['scope']) || isScope(payload['scp']);
}

/** One text, or a list as Okta has it. */
function isScope(value: unknown): boolean {
  return (typeof value === 'string' || Array.isArray(value)) && value.length > 0;
}
