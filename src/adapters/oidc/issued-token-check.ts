import { errors, jwtVerify } from 'jose';
import { parseStrictJson } from '../../core/json/strict-json.ts';
import type { Clock } from '../../ports/clock.ts';
import { KeyholdError } from '../../ports/errors.ts';
import type { IssuedToken, IssuedTokens } from '../../ports/issued-tokens.ts';
import { isAccessToken } from './access-token-kind.ts';
import { ALGORITHMS, type Provider, SKEW_SECONDS } from './provider.ts';

/** What says where, or which, the key is, or that more rules hold than we know (S23). */
const REFUSED_HEADERS = ['jku', 'jwk', 'x5u', 'x5c', 'crit', 'b64'];
const SHAPE = /^[\w-]+\.[\w-]+\.[\w-]+$/u;
const LONGEST = 8_192;
const LONGEST_SUBJECT = 255;

export interface IssuedTokenCheckOptions {
  readonly providers: readonly Provider[];
  readonly clock: Clock;
}

interface Known {
  readonly provider: Provider;
  readonly audience: string;
}

/** Checks JWT access tokens (RFC 9068) of the issuers that are configured. What costs nothing is looked at first: a signature only of what would be valid with it. */
export class IssuedTokenCheck implements IssuedTokens {
  readonly #issuers: ReadonlyMap<string, Known>;
  readonly #clock: Clock;

  constructor({ providers, clock }: IssuedTokenCheckOptions) {
    this.#issuers = new Map(providers.flatMap((provider) => (provider.issuer.audience === null ? [] : [[provider.issuer.issuer, { provider, audience: provider.issuer.audience }]])));
    this.#clock = clock;
  }

  async check(text: string): Promise<IssuedToken | undefined> {
    const known = this.#issuerOf(text);
    if (known === undefined) return undefined;
    const { audience, provider } = known;
    const { issuer } = provider;
    const now = this.#clock.now();
    try {
      const { payload, protectedHeader } = await jwtVerify(text, provider.findKey, {
        issuer: issuer.issuer,
        audience,
        algorithms: ALGORITHMS,
        clockTolerance: SKEW_SECONDS,
        currentDate: new Date(now),
        requiredClaims: ['exp', 'iat', 'sub'],
      });
      const { sub: subject, iat, exp } = payload;
      if (subject === undefined || iat === undefined || exp === undefined || subject === '' || subject.length > LONGEST_SUBJECT) return undefined;
      if (!isAccessToken(issuer, protectedHeader.typ, payload)) return undefined;
      return iat * 1000 > now + SKEW_SECONDS * 1000 ? undefined : { issuer: issuer.issuer, subject, issuedAt: iat * 1000, expiresAt: exp * 1000, authenticatedAt: secondsIn(payload['auth_time']) };
    } catch (error) {
      // A TypeError is a key that cannot be used for what the token says it is for, such as one that is too short.
      if (error instanceof errors.JOSEError || error instanceof TypeError) return undefined;
      throw error;
    }
  }

  /** Who a token says that it is of, where its header, too, is one that could be right. */
  #issuerOf(text: string): Known | undefined {
    if (text.length > LONGEST || !SHAPE.test(text)) return undefined;
    const [header, payload] = text.split('.').slice(0, 2).map(strictly);
    if (header === undefined || payload === undefined || REFUSED_HEADERS.some((name) => Object.hasOwn(header, name))) return undefined;
    const { alg } = header;
    if (typeof alg !== 'string' || !ALGORITHMS.includes(alg)) return undefined;
    const { iss } = payload;
    return typeof iss === 'string' ? this.#issuers.get(iss) : undefined;
  }
}

/** https://www.rfc-editor.org/rfc/rfc9068#section-2.2.1; undefined where it is not said. */
function secondsIn(authTime: unknown): number | undefined {
  return typeof authTime === 'number' && Number.isFinite(authTime) ? Math.floor(authTime) * 1000 : undefined;
}

/** A part of a token as a JSON object in which no name stands twice: two readers could take another of the two. */
function strictly(part: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value = parseStrictJson(Buffer.from(part, 'base64url'));
    return typeof value === 'object' && value !== null ? { ...value } : undefined;
  } catch (error) {
    if (error instanceof KeyholdError) return undefined;
    throw error;
  }
}
