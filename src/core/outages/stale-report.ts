import type { Clock } from '../../ports/clock.ts';
import type { Log } from '../../ports/log.ts';
import type { Metrics } from '../../ports/metrics.ts';

const EVERY_MS = 60_000;

export interface StaleReportDependencies {
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Pick<Metrics, 'servedStale'>;
}

/** Tells operators of requests that were served although what they needed could not be read again: a line a minute, and metrics. */
export class StaleReport {
  readonly #name: string;
  readonly #dependencies: StaleReportDependencies;
  #toldAt: number | undefined;
  #count = 0;
  #oldestMs = 0;

  /** `name` is of what could not be read. */
  constructor(name: string, dependencies: StaleReportDependencies) {
    this.#name = name;
    this.#dependencies = dependencies;
  }

  /** One request was served with something last confirmed so long ago. */
  note(ageMs: number): void {
    const { clock, metrics } = this.#dependencies;
    metrics.servedStale({ source: this.#name, ageMs });
    this.#count += 1;
    this.#oldestMs = Math.max(this.#oldestMs, ageMs);
    if (this.#toldAt === undefined || clock.monotonic() - this.#toldAt >= EVERY_MS) this.#tell();
  }

  #tell(): void {
    const { clock, log } = this.#dependencies;
    const fields = { name: this.#name, count: this.#count, ageSeconds: Math.ceil(this.#oldestMs / 1000) };
    log.warn('serving_stale', `The ${this.#name} cannot be read: requests are served with what was last read from there, up to KEYHOLD_STALE_LIMIT`, fields);
    this.#toldAt = clock.monotonic();
    this.#count = 0;
    this.#oldestMs = 0;
  }
}
