import { decodeJwt, errors, jwtVerify } from 'jose';
import type { Clock } from '../../ports/clock.ts';
import type { EndedAtProvider } from '../../ports/identity-providers.ts';
import { ALGORITHMS, type Provider, SKEW_SECONDS } from './provider.ts';

/** https://openid.net/specs/openid-connect-backchannel-1_0.html#LogoutToken */
const EVENT = 'http://schemas.openid.net/event/backchannel-logout';
const TYPES: ReadonlySet<string | undefined> = new Set(['logout+jwt', 'jwt', undefined]);
const LONGEST = 8_192;
/** How old one may be; providers that send them again make new ones. */
const OLDEST_SECONDS = 300;
const MAX_SEEN = 10_000;

/** Logout tokens (OpenID Connect Back-Channel Logout 1.0, section 2.6), each taken once by a process. */
export class LogoutTokenCheck {
  readonly #providers: ReadonlyMap<string, Provider>;
  readonly #clock: Clock;
  /** Their ids, oldest first. */
  readonly #seen = new Set<string>();

  constructor(providers: ReadonlyMap<string, Provider>, clock: Clock) {
    this.#providers = providers;
    this.#clock = clock;
  }

  /** undefined for everything else. Rejects with `unavailable` when the provider's keys cannot be had. */
  async check(text: string): Promise<EndedAtProvider | undefined> {
    const provider = this.#providerOf(text);
    if (provider?.issuer.client === undefined || provider.issuer.client === null) return undefined;
    const { issuer, client } = provider.issuer;
    try {
      const { payload, protectedHeader } = await jwtVerify(text, provider.findKey, {
        issuer,
        audience: client.id,
        algorithms: ALGORITHMS,
        clockTolerance: SKEW_SECONDS,
        currentDate: new Date(this.#clock.now()),
        maxTokenAge: OLDEST_SECONDS,
        requiredClaims: ['iat', 'jti', 'events'],
      });
      const { sub: subject, jti = '' } = payload;
      const sid = textIn(payload['sid']);
      if (!TYPES.has(protectedHeader.typ?.toLowerCase().replace(/^application\//u, '')) || payload['nonce'] !== undefined || !isLogout(payload['events'])) return undefined;
      if ((sid === undefined && subject === undefined) || !this.#isNew(JSON.stringify([issuer, jti]))) return undefined;
      return { issuer, sid, subject };
    } catch (error) {
      if (error instanceof errors.JOSEError || error instanceof TypeError) return undefined;
      throw error;
    }
  }

  #providerOf(text: string): Provider | undefined {
    if (text.length > LONGEST) return undefined;
    try {
      return this.#providers.get(decodeJwt(text).iss ?? '');
    } catch {
      return undefined;
    }
  }

  #isNew(id: string): boolean {
    if (this.#seen.has(id)) return false;
    this.#seen.add(id);
    const [oldest] = this.#seen;
    if (oldest !== undefined && this.#seen.size > MAX_SEEN) this.#seen.delete(oldest);
    return true;
  }
}

function isLogout(events: unknown): boolean {
  if (typeof events !== 'object' || events === null || !Object.hasOwn(events, EVENT)) return false;
  const event: unknown = Object.entries(events).find(([name]) => name === EVENT)?.[1];
  return typeof event === 'object' && event !== null;
}

/** A text that can be an id; undefined for anything else. */
export function textIn(value: unknown, longest = 255): string | undefined {
  return typeof value === 'string' && value !== '' && value.length <= longest ? value : undefined;
}
