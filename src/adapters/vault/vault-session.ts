import type { Clock, RandomBytes } from '../../ports/clock.ts';
import type { Log } from '../../ports/log.ts';
import type { SecretValue } from '../../ports/secret-value.ts';
import { fraction } from '../../core/outages/backoff.ts';
import { type Lease, lease, lookUp, type SignIn } from './sign-in.ts';
import { SignInAttempts } from './sign-in-attempts.ts';
import { VaultFailure } from './vault-failure.ts';
import type { VaultLink } from './vault-link.ts';

/** No timer of this file runs sooner than this after the one before, whatever a TTL says: never a tight loop (R2.4). */
const SOONEST_MS = 1_000;
/** The longest that a timer of Node can wait. */
const LONGEST_MS = 2 ** 31 - 1;
/** A token is not sent when it could run out on its way. */
const MARGIN_MS = 1_000;
/** A renewal that gives less than this share of the first TTL has met the token's maximum. */
const GROWS = 0.9;
/** How often a forbidden request may be the reason for a fresh sign-in, which takes on changed policies. */
const FRESH_AFTER_MS = 60_000;

export interface SessionOptions {
  readonly link: VaultLink;
  readonly signIn: SignIn;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly log: Log;
  /** Told of every sign-in that worked, and of every one that was refused. */
  readonly onSignedIn: () => void;
  readonly onRefused: (error: Error) => void;
  /** Told when a sign-in did not get so far, and there is no other token. */
  readonly onUnavailable: (failure: VaultFailure) => void;
}

interface Held extends Lease {
  readonly signedInAt: number;
  /** What the sign-in gave; renewals are measured against it. */
  readonly fullTtlMs: number;
  /** Renewing no longer helps. */
  readonly isCapped: boolean;
}

/**
 * The token that requests carry: signed in for once for all who need it, renewed at two thirds of its time to live, replaced when
 * its TTL no longer grows, and never sent when it has run out (R2.4). Throws `VaultFailure`.
 */
export class VaultSession {
  readonly #link: VaultLink;
  readonly #signIn: SignIn;
  readonly #clock: Clock;
  readonly #random: RandomBytes;
  readonly #log: Log;
  readonly #onSignedIn: () => void;
  readonly #attempts: SignInAttempts;
  #held: Held | undefined;
  #signingIn: Promise<Held> | undefined;
  #failedRenewals = 0;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor({ link, signIn, clock, random, log, onSignedIn, onRefused, onUnavailable }: SessionOptions) {
    this.#link = link;
    this.#signIn = signIn;
    this.#clock = clock;
    this.#random = random;
    this.#log = log;
    this.#onSignedIn = onSignedIn;
    this.#attempts = new SignInAttempts({ signIn, clock, random, hasToken: () => this.isSignedIn(), onRefused, onUnavailable });
  }

  /** Whether there is a token that can be sent now. */
  isSignedIn(): boolean {
    return this.#held !== undefined && this.#isUsable(this.#held);
  }

  /** A token that can be sent now; signs in where there is none. */
  async token(): Promise<SecretValue> {
    if (this.#held !== undefined && this.#isUsable(this.#held)) return this.#held.token;
    return (await this.#signInOnce()).token;
  }

  /**
   * What to do about a 403 to a request that carried this token: another token to repeat it with, or undefined where the refusal
   * stands, since the token is good, and as fresh as it makes sense (a role's policies may have changed since it was made).
   */
  async afterForbidden(token: SecretValue, errors: readonly string[]): Promise<SecretValue | undefined> {
    if (this.#held !== undefined && this.#held.token !== token && this.#isUsable(this.#held)) return this.#held.token;
    const verdict = await this.#verdict(token, errors);
    const held = this.#held;
    if (held === undefined || held.token !== token) return this.token();
    if (verdict !== 'dead' && !(await this.#mayRefresh(held))) return undefined;
    if (verdict !== 'good') {
      this.#log.warn('vault_token_refused', 'Vault no longer takes our token: it was revoked or has expired. Signing in again.');
      this.#drop();
    }
    return (await this.#signInOnce()).token;
  }

  /** Asks Vault something that only a node that serves can answer: about our token, which is replaced where it is dead. */
  async prove(): Promise<void> {
    const token = await this.token();
    const { status, errors } = await this.#link.exchange({ method: 'GET', path: 'auth/token/lookup-self', token });
    if (status === 403) await this.afterForbidden(token, errors);
  }

  /** Gives up the token, also one that is being signed in for: ends it in Vault where it was made for us alone. Never rejects. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#signingIn?.catch(() => undefined);
    const held = this.#held;
    this.#drop();
    if (held !== undefined) await this.#revoke(held);
  }

  #isUsable({ expiresAt, ttlMs }: Lease): boolean {
    return this.#clock.monotonic() < expiresAt - Math.min(MARGIN_MS, ttlMs / 10);
  }

  /** Vault says of a dead token that it is invalid; older ones say nothing, as do all of one that may not look itself up. */
  async #verdict(token: SecretValue, errors: readonly string[]): Promise<'good' | 'dead' | 'unsure'> {
    if (errors.some((error) => error.includes('invalid token'))) return 'dead';
    return (await lookUp({ link: this.#link, clock: this.#clock }, token)) === undefined ? 'unsure' : 'good';
  }

  async #mayRefresh(held: Held): Promise<boolean> {
    return this.#signIn.makesTokens ? this.#clock.monotonic() - held.signedInAt >= FRESH_AFTER_MS : this.#signIn.isReplaced();
  }

  #drop(): void {
    this.#held = undefined;
    clearTimeout(this.#timer);
  }

  /** One sign-in for everybody who waits for it. */
  #signInOnce(): Promise<Held> {
    this.#signingIn ??= this.#attempt().finally(() => {
      this.#signingIn = undefined;
    });
    return this.#signingIn;
  }

  async #attempt(): Promise<Held> {
    if (this.#isClosed) throw new VaultFailure('closed', { mayHaveHappened: false });
    const signedIn = await this.#attempts.attempt();
    this.#failedRenewals = 0;
    const before = this.#held;
    const held: Held = { ...signedIn, signedInAt: this.#clock.monotonic(), fullTtlMs: signedIn.ttlMs, isCapped: !signedIn.renewable };
    if (this.#isClosed) {
      await this.#revoke(held);
      throw new VaultFailure('closed', { mayHaveHappened: false });
    }
    this.#hold(held);
    this.#onSignedIn();
    // A lease that nobody uses any more is not left behind. Requests that still carry it are repeated with the new one.
    if (before !== undefined && before.token.reveal() !== held.token.reveal()) void this.#revoke(before);
    return held;
  }

  #hold(held: Held): void {
    this.#held = held;
    if (held.ttlMs === Infinity) {
      clearTimeout(this.#timer);
      return;
    }
    // Two thirds, up to a tenth sooner by chance, so that replicas that started together do not renew together.
    this.#wakeAfter((held.ttlMs * 2 * (1 - fraction(this.#random) / 10)) / 3);
  }

  #wakeAfter(delayMs: number): void {
    clearTimeout(this.#timer);
    if (this.#isClosed) return;
    this.#timer = setTimeout(() => void this.#wake(), Math.min(LONGEST_MS, Math.max(SOONEST_MS, delayMs)));
    this.#timer.unref();
  }

  async #wake(): Promise<void> {
    const held = this.#held;
    if (held === undefined) return;
    try {
      if (!this.#isUsable(held)) this.#drop();
      if (this.#held === undefined || (await this.#isToBeReplaced(held))) await this.#signInOnce();
      else if (held.isCapped) this.#warnOfTheEnd(held);
      else await this.#renew(held);
    } catch (error) {
      // Without a token it is for the next request, or whoever watches the connection, to sign in.
      if (this.#held !== held) return;
      this.#log.warn('vault_renewal_failed', 'The token for Vault could not be renewed. It serves until it runs out; trying again in a while.', { error });
      // Never in a tight loop, and rarely enough that Vault in trouble is not asked by everybody all the time.
      this.#wakeAfter(this.#attempts.renewalRestMs(Math.max(1, this.#failedRenewals)));
    }
  }

  async #isToBeReplaced({ isCapped }: Held): Promise<boolean> {
    return this.#signIn.makesTokens ? isCapped : this.#signIn.isReplaced();
  }

  async #renew(held: Held): Promise<void> {
    const renewed = await lease({ link: this.#link, clock: this.#clock }, { method: 'POST', path: 'auth/token/renew-self', body: {}, token: held.token }, (status) => new RenewalRefused(status)).catch((error: unknown) => {
      if (error instanceof RenewalRefused) return error;
      this.#failedRenewals += 1;
      throw error;
    });
    if (this.#held !== held) return;
    this.#failedRenewals = 0;
    if (!(renewed instanceof RenewalRefused)) {
      this.#hold({ ...held, expiresAt: renewed.expiresAt, ttlMs: renewed.ttlMs, isCapped: !renewed.renewable || renewed.ttlMs < held.fullTtlMs * GROWS });
      return;
    }
    // 403: it is no longer a token. 400: it cannot be renewed, but serves until it ends.
    if (renewed.status === 403) this.#drop();
    else this.#hold({ ...held, isCapped: true });
    if (renewed.status === 403 || this.#signIn.makesTokens) await this.#signInOnce();
  }

  #warnOfTheEnd(held: Held): void {
    const leftMs = held.expiresAt - this.#clock.monotonic();
    this.#log.warn('vault_token_ends', `The token for Vault can no longer be renewed and ends in ${Math.ceil(leftMs / 1000)} s. Give Keyhold another one; a token with a period never ends: vault token create -policy=ai-gateway-policy -period=24h`);
    this.#wakeAfter(leftMs);
  }

  async #revoke({ token }: Lease): Promise<void> {
    if (!this.#signIn.makesTokens) return;
    await this.#link.exchange({ method: 'POST', path: 'auth/token/revoke-self', body: {}, token }).catch(() => undefined);
  }
}

class RenewalRefused extends Error {
  readonly status: number;

  constructor(status: number) {
    super(`Vault refused to renew the token (HTTP ${status}).`);
    this.status = status;
  }
}
