import { Type } from 'typebox';
import { Value } from 'typebox/value';
import type { Clock } from '../../ports/clock.ts';
import { SecretValue } from '../../ports/secret-value.ts';
import { VaultFailure } from './vault-failure.ts';
import type { LinkRequest, VaultLink } from './vault-link.ts';

/** A token and how long it lives. */
export interface Lease {
  readonly token: SecretValue;
  /** By the monotonic clock, counted from before it was asked for; `Infinity` for a token without end. */
  readonly expiresAt: number;
  readonly ttlMs: number;
  readonly renewable: boolean;
}

/** One way to get a token. */
export interface SignIn {
  /** Whether every sign-in makes a new token with a full time to live; a given token only ever runs out. */
  readonly makesTokens: boolean;
  /** Throws `SignInRefused` when Vault does not let us in with what we have, and `VaultFailure` when it does not get so far. */
  signIn(): Promise<Lease>;
  /** Whether what it signs in with has been replaced since the last attempt. */
  isReplaced(): Promise<boolean>;
}

export interface SignInTools {
  readonly link: VaultLink;
  readonly clock: Clock;
}

export interface RefusalOptions {
  /** Trying the same again is pointless, or would hide that somebody else was here before. */
  readonly isFinal?: boolean;
  /** Vault counts it, and locks out who is refused too often. */
  readonly isCounted?: boolean;
  readonly cause?: unknown;
}

/** Why Vault does not let us in, and what to do: for a person at the log. */
export class SignInRefused extends Error {
  readonly isFinal: boolean;
  readonly isCounted: boolean;

  constructor(message: string, { isFinal = false, isCounted = false, cause }: RefusalOptions = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'SignInRefused';
    this.isFinal = isFinal;
    this.isCounted = isCounted;
  }
}

const Login = Type.Object({
  auth: Type.Object({
    client_token: Type.String({ pattern: '^[\\x21-\\x7e]{1,4096}$' }),
    lease_duration: Type.Integer({ minimum: 0 }),
    renewable: Type.Boolean(),
  }),
});

const Lookup = Type.Object({ data: Type.Object({ ttl: Type.Integer({ minimum: 0 }), renewable: Type.Optional(Type.Boolean()), expire_time: Type.Union([Type.String(), Type.Null()]) }) });

/** Posts to a login or renewal path; `refused` says what a 400 or 403 means there, and a 404: as 403, nothing is mounted there. */
export async function lease({ link, clock }: SignInTools, request: LinkRequest, refused: (status: number) => Error): Promise<Lease> {
  const startedAt = clock.monotonic();
  const answer = await link.exchange(request).catch((error: unknown) => {
    throw error instanceof VaultFailure && error.trouble === 'no-engine' ? refused(404) : error;
  });
  if (answer.status !== 200) throw refused(answer.status);
  const { body } = answer;
  if (!Value.Check(Login, body)) throw new VaultFailure('not-vault', { mayHaveHappened: true, status: 200 });
  const { client_token: token, lease_duration: ttl, renewable } = body.auth;
  return { token: new SecretValue(token), renewable, ...lifetime(startedAt, ttl === 0 ? null : ttl) };
}

/** What Vault knows of a token; undefined when it refuses the token. */
export async function lookUp({ link, clock }: SignInTools, token: SecretValue): Promise<Lease | undefined> {
  const startedAt = clock.monotonic();
  const answer = await link.exchange({ method: 'GET', path: 'auth/token/lookup-self', token });
  if (answer.status === 403 || answer.status === 400) return undefined;
  const { body } = answer;
  if (!Value.Check(Lookup, body)) throw new VaultFailure('not-vault', { mayHaveHappened: false, status: answer.status });
  const { ttl, renewable = false, expire_time: expires } = body.data;
  return { token, renewable, ...lifetime(startedAt, expires === null ? null : ttl) };
}

function lifetime(startedAt: number, ttlSeconds: number | null): Pick<Lease, 'ttlMs' | 'expiresAt'> {
  const ttlMs = ttlSeconds === null ? Infinity : ttlSeconds * 1000;
  return { ttlMs, expiresAt: startedAt + ttlMs };
}
