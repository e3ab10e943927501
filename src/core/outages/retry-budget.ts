/** Repeats are at most this part of all calls, so that an outage does not multiply them. */
const PER_CALL = 0.1;
/** So many repeats may come together after a quiet time. */
const MOST = 10;

/** A bucket of repeats that every call fills a little. */
export class RetryBudget {
  #left = MOST;

  called(): void {
    this.#left = Math.min(MOST, this.#left + PER_CALL);
  }

  /** Whether one more repeat may be made; it is then counted. */
  take(): boolean {
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }
}
