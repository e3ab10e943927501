import { createSecretKey, type KeyObject } from 'node:crypto';
import type { Clock, RandomBytes } from '../../ports/clock.ts';
import { KeyholdError } from '../../ports/errors.ts';
import { openEnvelope, sealEnvelope } from '../crypto/envelope.ts';
import { frame } from '../crypto/framing.ts';
import { pad, unpad } from '../crypto/padding.ts';

/** What a browser that went to an identity provider has to come back with, and what becomes of it then. */
export interface SignInAttempt {
  readonly issuer: string;
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
  readonly fresh: boolean;
  /** A path of this Keyhold. */
  readonly returnTo: string;
  /** The session that the browser had, to be ended by the new one; null: none. */
  readonly previous: string | null;
  readonly startedAt: number;
}

const AAD = frame(['keyhold sign-in 1']);
/** Time for passwords, second factors and consent. */
const LASTS_MS = 600_000;
/** Replicas' clocks differ, and a provider that knows the browser answers at once. */
const SKEW_MS = 30_000;
const LONGEST = 4_000;
const MAX_USED = 10_000;
const NAMES = ['issuer', 'state', 'nonce', 'verifier', 'returnTo'] as const;

/** Sign-ins under way: kept by the browser that began them, sealed, for ten minutes, and each good for coming back once (S23, S24). */
export class SignInAttempts {
  readonly #key: KeyObject;
  readonly #random: RandomBytes;
  readonly #clock: Clock;
  /** States that somebody has come back with, oldest first. Another replica does not know them; there the provider refuses a code that was used. */
  readonly #used = new Set<string>();

  /** `key` is secret, 32 bytes, and the same at every start and on every replica. */
  constructor(key: Buffer, { random, clock }: { readonly random: RandomBytes; readonly clock: Clock }) {
    this.#key = createSecretKey(key);
    this.#random = random;
    this.#clock = clock;
  }

  /** A new one, with values of its own that nobody can guess. */
  begin(what: Pick<SignInAttempt, 'issuer' | 'fresh' | 'returnTo' | 'previous'>): SignInAttempt {
    const secret = (): string => this.#random(32).toString('base64url');
    return { ...what, state: secret(), nonce: secret(), verifier: secret(), startedAt: this.#clock.now() };
  }

  /** As the browser keeps it. */
  seal(attempt: SignInAttempt): string {
    return sealEnvelope({ key: this.#key, purpose: 'sign-in', aad: AAD }, pad(Buffer.from(JSON.stringify(attempt), 'utf8')), this.#random).toString('base64url');
  }

  /** The one that this state belongs to, which is used up then. Throws `unauthenticated` for everything else. */
  take(sealed: string, state: string | null): SignInAttempt {
    const attempt = sealed.length > LONGEST ? undefined : this.#opened(sealed);
    const age = attempt === undefined ? Infinity : this.#clock.now() - attempt.startedAt;
    if (attempt === undefined || state !== attempt.state || age < -SKEW_MS || age > LASTS_MS || this.#used.has(state)) {
      throw new KeyholdError('unauthenticated', 'This browser has not begun such a sign-in, or more than ten minutes ago, or has come back from it already. Begin again.');
    }
    this.#used.add(state);
    const [oldest] = this.#used;
    if (oldest !== undefined && this.#used.size > MAX_USED) this.#used.delete(oldest);
    return attempt;
  }

  #opened(sealed: string): SignInAttempt | undefined {
    try {
      const attempt: unknown = JSON.parse(unpad(openEnvelope({ key: this.#key, purpose: 'sign-in', aad: AAD }, Buffer.from(sealed, 'base64url'))).toString('utf8'));
      return isAttempt(attempt) ? attempt : undefined;
    } catch {
      return undefined;
    }
  }
}

/** Replicas of other versions seal with the same key. */
function isAttempt(value: unknown): value is SignInAttempt {
  if (typeof value !== 'object' || value === null) return false;
  const { fresh, previous, startedAt, ...texts }: Readonly<Record<string, unknown>> = { ...value };
  return typeof fresh === 'boolean' && (previous === null || typeof previous === 'string') && typeof startedAt === 'number' && NAMES.every((name) => typeof texts[name] === 'string');
}
