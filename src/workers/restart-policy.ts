/** A worker that has served for so long is no sign of a worker that cannot. */
const STEADY_MS = 10_000;
/** What was so long ago tells nothing of now. */
const FORGOTTEN_AFTER_MS = 60_000;
const FIRST_DELAY_MS = 250;
const LONGEST_DELAY_MS = 10_000;
/** Deaths at once, one after the other, after which starting more is of no use: about eight seconds of them. */
const MOST_DEATHS = 6;

export interface WorkerDeath {
  /** On a clock that only grows. */
  readonly at: number;
  /** 0: it never did. */
  readonly servedMs: number;
  /** For how long the others have been serving. */
  readonly othersServeMs: readonly number[];
}

/** When dead workers are replaced. */
export class RestartPolicy {
  #deaths = 0;
  #lastAt = Number.NEGATIVE_INFINITY;

  /** Gives the milliseconds to wait before the next is started; undefined where they die at once, over and over, and none of the others has served for a while. */
  died({ at, servedMs, othersServeMs }: WorkerDeath): number | undefined {
    if (at - this.#lastAt > FORGOTTEN_AFTER_MS) this.#deaths = 0;
    this.#lastAt = at;
    if (servedMs >= STEADY_MS) return 0;
    this.#deaths += 1;
    if (this.#deaths >= MOST_DEATHS && othersServeMs.every((ms) => ms < STEADY_MS)) return undefined;
    return Math.min(FIRST_DELAY_MS * 2 ** Math.min(this.#deaths - 1, 16), LONGEST_DELAY_MS);
  }
}
