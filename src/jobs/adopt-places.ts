import type { Log } from '../ports/log.ts';

const EVERY_MS = 5_000;

export interface AdoptPlacesDependencies {
  /** Places of processes that have left something there and may be dead. */
  readonly left: () => readonly number[];
  /** Takes over what was left there; false while somebody has the place. Safe to repeat, whatever it was killed in. */
  readonly adopt: (place: number) => Promise<boolean>;
  readonly log: Log;
  readonly everyMs?: number;
}

/** Looks every few seconds whether processes that share the data folder have left something to take over. Does not keep the process alive. */
export class AdoptPlaces {
  readonly #dependencies: AdoptPlacesDependencies;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  /** What failed last, so that it is told once. */
  #failed: number | undefined;

  constructor(dependencies: AdoptPlacesDependencies) {
    this.#dependencies = dependencies;
  }

  start(): void {
    this.#timer ??= setInterval(() => void this.look(), this.#dependencies.everyMs ?? EVERY_MS).unref();
  }

  /** Resolves when nothing is under way any more. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#timer = undefined;
    await this.#running;
  }

  /** One look; the one that is under way instead, if there is one. Never rejects. */
  look(): Promise<void> {
    this.#running ??= this.#look().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #look(): Promise<void> {
    const { left, adopt, log } = this.#dependencies;
    for (const place of left()) {
      try {
        if (!(await adopt(place))) continue;
        this.#failed = undefined;
        log.info('process_taken_over', 'What a process that is gone had left in the data folder, its usage above all, has been taken over', { count: place });
      } catch (error) {
        if (this.#failed !== place) log.warn('process_not_taken_over', 'What a process that is gone has left in the data folder cannot be taken over yet. It is tried again every few seconds; nothing is lost', { count: place, error });
        this.#failed = place;
      }
    }
  }
}
