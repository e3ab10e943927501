import type { Clock } from '../../ports/clock.ts';

/** How long after a failure the server is tried again. */
const REST_MS = 500;

/**
 * While the server cannot be reached, or has gone silent, one caller at a time tries it, at most twice a second, and all others are told at once: it must not hold
 * each of them up for as long as an answer may take. After a yes of `mayTry`, one of the other methods has to follow.
 */
export class ConnectionRest {
  readonly #clock: Pick<Clock, 'monotonic'>;
  #failedAt: number | undefined;
  #trying = false;
  #silent = false;

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock;
  }

  /** Whether somebody may ask the server now; with a connection that is there already, only a silent one is left alone. */
  mayTry(hasConnection: boolean): boolean {
    if (this.#failedAt === undefined || (hasConnection && !this.#silent)) return true;
    if (this.#trying || this.#clock.monotonic() - this.#failedAt < REST_MS) return false;
    this.#trying = true;
    return true;
  }

  /** It has answered, if only with an error. */
  answered(): void {
    this.#failedAt = undefined;
    this.#trying = false;
    this.#silent = false;
  }

  /** No connection came about. */
  unreachable(): void {
    this.#failedAt = this.#clock.monotonic();
    this.#trying = false;
  }

  /** It had a statement, and no answer came in time. */
  silent(): void {
    this.unreachable();
    this.#silent = true;
  }

  /** Nothing was learned of it. */
  undecided(): void {
    this.#trying = false;
  }
}
