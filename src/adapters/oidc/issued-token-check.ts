import { errors, jwtVerify } from 'jose';
import type { Issuer } from '../../core/access/issuer.ts';
import { parseStrictJson } from '../../core/json/strict-json.ts';
import type { Clock } from '../../ports/clock.ts';
import { KeyholdError } from '../../ports/errors.ts';
import type { IssuedToken, IssuedTokens } from '../../ports/issued-tokens.ts';
import { isAccessToken } from './access-token-kind.ts';
import { IssuerKeys } from './issuer-keys.ts';
import type { ProviderAnswers } from './provider-answers.ts';

/** Signatures that only the owner of a private key can make. */
const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'];
/** What says where, or which, the key is, or that more rules hold than we know (S23). */
const REFUSED_HEADERS = ['jku', 'jwk', 'x5u', 'x5c', 'crit', 'b64'];
const SHAPE = /^[\w-]+\.[\w-]+\.[\w-]+$/u;
const LONGEST = 8_192;
const LONGEST_SUBJECT = 255;
/** Clocks differ. */
const SKEW_SECONDS = 30;

export interface IssuedTokenCheckOptions {
  readonly issuers: readonly Issuer[];
  readonly answers: Pick<ProviderAnswers, 'read'>;
  readonly clock: Clock;
}

interface Known {
  readonly issuer: Issuer;
  readonly audience: string;
  readonly keys: IssuerKeys;
}

/** Checks JWT access tokens (RFC 9068) of the issuers that are configured. What costs nothing is looked at first: a signature only of what would be valid with it. */
export class IssuedTokenCheck implements IssuedTokens {
  readonly #issuers: ReadonlyMap<string, Known>;
  readonly #clock: Clock;

  constructor({ issuers, answers, clock }: IssuedTokenCheckOptions) {
    this.#issuers = new Map(issuers.flatMap((issuer) => (issuer.audience === null ? [] : [[issuer.issuer, { issuer, audience: issuer.audience, keys: new IssuerKeys({ issuer, answers, clock }) }]])));
    this.#clock = clock;
  }

  async check(text: string): Promise<IssuedToken | undefined> {
    const known = this.#issuerOf(text);
    if (known === undefined) return undefined;
    const { issuer, audience, keys } = known;
    const now = this.#clock.now();
    try {
      const { payload, protectedHeader } = await jwtVerify(text, keys.find, {
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
