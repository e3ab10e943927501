import { type Static, Type } from 'typebox';
import { StartError } from '../../ports/start-error.ts';
import { ProviderRefusal, requireSafe, sendTo } from './provider-form.ts';

/** What a sign-in at an identity provider gave, and what renews it. */
export interface ProviderTokens {
  readonly accessToken: string;
  readonly renewal: Renewal;
}

export interface Renewal {
  readonly issuer: string;
  readonly clientId: string;
  readonly tokenEndpoint: string;
  /** null: the provider has none. */
  readonly revocationEndpoint: string | null;
  /** null: the sign-in ends with the access token. */
  readonly refreshToken: string | null;
  /** Of the access token, milliseconds since the epoch. */
  readonly expiresAt: number;
}

export const Tokens = Type.Object({ access_token: Type.String(), token_type: Type.String(), expires_in: Type.Optional(Type.Number()), refresh_token: Type.Optional(Type.String()) });

/** Providers that do not say how long their tokens last are asked again after so long, in seconds. */
const USUAL_LIFE = 300;
/** Renewed so long before the end, so that a request that is under way is not refused. */
const AHEAD_MS = 60_000;

export function tokensOf({ access_token: accessToken, expires_in: seconds = USUAL_LIFE, refresh_token: refreshToken }: Static<typeof Tokens>, by: Omit<Renewal, 'refreshToken' | 'expiresAt'> & { readonly refreshToken?: string | null }): ProviderTokens {
  return { accessToken, renewal: { ...by, refreshToken: refreshToken ?? by.refreshToken ?? null, expiresAt: Date.now() + seconds * 1000 } };
}

/** Whether the access token can be used as it is: what nothing renews up to its end. */
export function isFresh({ expiresAt, refreshToken }: Renewal): boolean {
  return Date.now() < expiresAt - (refreshToken === null ? 0 : AHEAD_MS);
}

/** A new access token, and where the provider changes it, a new refresh token, too. Throws `StartError` (1) where the person has to sign in again. */
export async function renewed(renewal: Renewal): Promise<ProviderTokens> {
  const { clientId, tokenEndpoint, refreshToken, issuer } = renewal;
  if (refreshToken === null) throw signInAgain(issuer);
  try {
    return tokensOf(await sendTo(tokenEndpoint, { grant_type: 'refresh_token', refresh_token: refreshToken, client_id: clientId }, Tokens), renewal);
  } catch (error) {
    if (error instanceof ProviderRefusal && error.code === 'invalid_grant') throw signInAgain(issuer, error);
    throw error;
  }
}

/** Tells the provider that the sign-in is over (RFC 7009); whether it was told. */
export async function revoked({ revocationEndpoint, refreshToken, clientId }: Renewal): Promise<boolean> {
  if (revocationEndpoint === null || refreshToken === null) return false;
  try {
    await sendTo(requireSafe(revocationEndpoint), { token: refreshToken, token_type_hint: 'refresh_token', client_id: clientId }, Type.Object({}));
    return true;
  } catch (error) {
    if (error instanceof StartError) return false;
    throw error;
  }
}

function signInAgain(issuer: string, cause?: unknown): StartError {
  return new StartError(1, `The sign-in at ${issuer} is over. Sign in again: keyhold login.`, { cause });
}
