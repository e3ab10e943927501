import type { Clock, RandomBytes } from '../../ports/clock.ts';
import { backoffMs } from './backoff.ts';

/** So many failures in a row make every further request fail at once for a while (S20). */
const FAILURES_BEFORE_REST = 3;
const STEPS = { firstMs: 500, factor: 2, mostMs: 5_000 };

/** Leaves a server alone that keeps failing, each time a little longer. */
export class Rest {
  readonly #clock: Clock;
  readonly #random: RandomBytes;
  #failures = 0;
  #until = 0;

  constructor(clock: Clock, random: RandomBytes) {
    this.#clock = clock;
    this.#random = random;
  }

  /** Milliseconds until it may be asked again; 0 or less while it may be. */
  get leftMs(): number {
    return this.#until - this.#clock.monotonic();
  }

  failed(): void {
    this.#failures += 1;
    if (this.#failures >= FAILURES_BEFORE_REST) this.#until = this.#clock.monotonic() + backoffMs(this.#failures - FAILURES_BEFORE_REST + 1, STEPS, this.#random);
  }

  well(): void {
    this.#failures = 0;
    this.#until = 0;
  }
}
