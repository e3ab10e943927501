import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock, RandomBytes } from '../../ports/clock.ts';
import { Rest } from '../../core/outages/rest.ts';
import { AzureFailure } from './azure-failure.ts';

/** Microsoft's advice for 429: wait 1, 2, 4, 8, 16 s (https://learn.microsoft.com/azure/key-vault/general/overview-throttling), unless `Retry-After` says more. */
const BUSY_MS = [1_000, 2_000, 4_000, 8_000, 16_000];
const LONGEST_RETRY_AFTER_S = 120;

export interface CallGateOptions {
  readonly clock: Clock;
  readonly random: RandomBytes;
  /** Told of every answer. */
  readonly onAnswer: () => void;
  /** Told of every failure that is about the vault as a whole, not about one request. */
  readonly onOutage: (failure: AzureFailure) => void;
}

/**
 * Stands before every call to one vault. When the vault says that it is too much, nobody calls until its time has come, and then one at a time
 * until it answers again: so the rate of requests falls at once and for all. When it cannot be reached, calls fail at once between trials.
 */
export class CallGate {
  readonly #clock: Clock;
  readonly #onAnswer: () => void;
  readonly #onOutage: (failure: AzureFailure) => void;
  readonly #rest: Rest;
  /** Until then it has said that it is too much. */
  #busyUntil = 0;
  #busyInARow = 0;
  /** When it was last told that it is too much. */
  #busySince = 0;
  /** The last outage was that it did not let us in: then rest is no outage either, and nothing serves on (DESIGN «Stale serving»). */
  #isRefused = false;
  /** The one call that tries whether it has become better. */
  #trial: Promise<void> | undefined;

  constructor({ clock, random, onAnswer, onOutage }: CallGateOptions) {
    this.#clock = clock;
    this.#rest = new Rest(clock, random);
    this.#onAnswer = onAnswer;
    this.#onOutage = onOutage;
  }

  /** Seconds until calls are let through again; 0 while they are. */
  restSeconds(): number {
    return Math.max(0, Math.ceil(this.#restMs() / 1000));
  }

  /**
   * Does the call when its turn comes, and again after a 429 while there is time. Throws `AzureFailure` (`resting`, `busy`, or still `refused`) when
   * `patienceMs` are not enough, and what the call throws.
   */
  async run<T>(call: () => Promise<T>, patienceMs: number): Promise<T> {
    const until = this.#clock.monotonic() + patienceMs;
    for (;;) {
      await this.#turn(until);
      const startedAt = this.#clock.monotonic();
      const isTrial = this.#busyInARow > 0;
      const { promise, resolve } = Promise.withResolvers<void>();
      if (isTrial) this.#trial = promise;
      try {
        const result = await call();
        this.#well(startedAt);
        return result;
      } catch (error) {
        if (!(error instanceof AzureFailure)) {
          this.#well(startedAt);
          throw error;
        }
        this.#note(error, startedAt);
        if (error.trouble !== 'busy' || this.#clock.monotonic() + this.#restMs() > until) throw error;
      } finally {
        if (isTrial) this.#trial = undefined;
        resolve();
      }
    }
  }

  async #turn(until: number): Promise<void> {
    for (;;) {
      const now = this.#clock.monotonic();
      const restMs = this.#restMs();
      if (restMs > 0) {
        if (now + restMs > until) throw this.#resting();
        await sleep(restMs);
      } else if (this.#trial !== undefined) {
        if (now >= until) throw this.#resting();
        await Promise.race([this.#trial, sleep(until - now, undefined, { ref: false })]);
      } else {
        return;
      }
    }
  }

  #restMs(): number {
    return Math.max(this.#busyUntil - this.#clock.monotonic(), this.#rest.leftMs);
  }

  #resting(): AzureFailure {
    return new AzureFailure(this.#isRefused ? 'refused' : 'resting', { mayHaveHappened: false, retryAfterSeconds: Math.max(1, this.restSeconds()) });
  }

  #well(startedAt: number): void {
    this.#onAnswer();
    // What was under way before the vault said that it is too much says nothing about now.
    if (this.#busyInARow > 0 && startedAt < this.#busySince) return;
    this.#busyInARow = 0;
    this.#busyUntil = 0;
    this.#isRefused = false;
    this.#rest.well();
  }

  #note(failure: AzureFailure, startedAt: number): void {
    const now = this.#clock.monotonic();
    if (failure.trouble === 'busy') {
      // Calls that were under way together are told so together; only the first of them counts.
      if (this.#busyInARow === 0 || startedAt >= this.#busySince) {
        this.#busyInARow += 1;
        this.#busySince = now;
      }
      const ownMs = BUSY_MS[Math.min(this.#busyInARow, BUSY_MS.length) - 1] ?? 0;
      const askedMs = failure.retryAfterSeconds === undefined ? ownMs : Math.min(failure.retryAfterSeconds, LONGEST_RETRY_AFTER_S) * 1000;
      this.#busyUntil = Math.max(this.#busyUntil, now + askedMs);
      return;
    }
    if (!isOutage(failure)) return;
    this.#isRefused = failure.trouble === 'refused';
    this.#rest.failed();
    this.#onOutage(failure);
  }
}

function isOutage({ trouble }: AzureFailure): boolean {
  return trouble !== 'failing' && trouble !== 'strange' && trouble !== 'resting' && trouble !== 'closed';
}
