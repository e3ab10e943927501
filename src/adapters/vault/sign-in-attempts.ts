import type { Clock, RandomBytes } from '../../ports/clock.ts';
import { type BackoffSteps, backoffMs } from '../../core/outages/backoff.ts';
import { SecretUnreadable } from './secret-source.ts';
import { type Lease, type SignIn, SignInRefused } from './sign-in.ts';
import { VaultFailure } from './vault-failure.ts';

/** Between two attempts that Vault refused. */
const AFTER_REFUSAL = { firstMs: 1_000, factor: 3, mostMs: 30_000 };
/** The same where Vault counts: five wrong sign-ins, each within 15 minutes of the one before, lock the role for every replica. */
const AFTER_COUNTED_REFUSAL = { firstMs: 5_000, factor: 12, mostMs: 1_200_000 };
/** Between two attempts that did not get so far. */
const AFTER_FAILURE = { firstMs: 500, factor: 2, mostMs: 10_000 };

export interface SignInAttemptsOptions {
  readonly signIn: SignIn;
  readonly clock: Clock;
  readonly random: RandomBytes;
  /** Whether the token before is still good. */
  readonly hasToken: () => boolean;
  /** Told of every sign-in that was refused, and again of the last one when the token before has run out since. */
  readonly onRefused: (error: Error) => void;
  /** Told when a sign-in did not get so far, and there is no other token. */
  readonly onUnavailable: (failure: VaultFailure) => void;
}

/** Signing in, with a rest after each attempt that failed: as long as its reason asks for, or until there is something else to sign in with. */
export class SignInAttempts {
  readonly #options: SignInAttemptsOptions;
  #failures = 0;
  #notBefore = 0;
  #lastRefusal: { readonly error: Error; readonly failure: VaultFailure } | undefined;

  constructor(options: SignInAttemptsOptions) {
    this.#options = options;
  }

  /** How long until the next attempt makes sense, in milliseconds; less than 0 for now. */
  restMs(): number {
    return this.#notBefore - this.#options.clock.monotonic();
  }

  /** Throws `VaultFailure`, without having asked Vault while it is too early for another attempt. */
  async attempt(): Promise<Lease> {
    const { signIn } = this.#options;
    const restMs = this.restMs();
    if (restMs > 0 && !(await signIn.isReplaced())) throw this.#notYet(restMs);
    let lease: Lease;
    try {
      lease = await signIn.signIn();
    } catch (error) {
      throw this.#failed(error);
    }
    this.#failures = 0;
    this.#notBefore = 0;
    this.#lastRefusal = undefined;
    return lease;
  }

  /** How long to wait with a renewal after the n-th in a row that failed, in milliseconds. */
  renewalRestMs(failures: number): number {
    return Math.max(backoffMs(failures, AFTER_FAILURE, this.#options.random), this.restMs());
  }

  #notYet(restMs: number): VaultFailure {
    if (this.#lastRefusal === undefined) return new VaultFailure('resting', { mayHaveHappened: false, retryAfterSeconds: Math.ceil(restMs / 1000) });
    const { error, failure } = this.#lastRefusal;
    if (!this.#options.hasToken()) this.#options.onRefused(error);
    return failure;
  }

  #failed(error: unknown): unknown {
    const { clock, random, hasToken, onRefused, onUnavailable } = this.#options;
    this.#failures += 1;
    if (!(error instanceof SignInRefused) && !(error instanceof SecretUnreadable)) {
      this.#notBefore = clock.monotonic() + backoffMs(this.#failures, AFTER_FAILURE, random);
      this.#lastRefusal = undefined;
      if (error instanceof VaultFailure && error.trouble !== 'resting' && error.trouble !== 'closed' && !hasToken()) onUnavailable(error);
      return error;
    }
    const waitMs = error instanceof SignInRefused && error.isFinal ? Infinity : backoffMs(this.#failures, paceAfter(error), random);
    this.#notBefore = clock.monotonic() + waitMs;
    const failure = new VaultFailure('refused', { mayHaveHappened: false, cause: error, retryAfterSeconds: Math.ceil(Math.min(waitMs, 60_000) / 1000) });
    this.#lastRefusal = { error, failure };
    onRefused(error);
    return failure;
  }
}

function paceAfter(error: SignInRefused | SecretUnreadable): BackoffSteps {
  if (error instanceof SecretUnreadable) return AFTER_FAILURE;
  return error.isCounted ? AFTER_COUNTED_REFUSAL : AFTER_REFUSAL;
}
