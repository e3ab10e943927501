import type { Clock } from '../../ports/clock.ts';
import type { Log } from '../../ports/log.ts';
import type { Metrics } from '../../ports/metrics.ts';
import type { BusLink } from './bus-link.ts';
import { SILENT_AFTER_MS } from './sender-watch.ts';

/** No link that comes and goes fills the log. */
const APART_MS = 60_000;

export interface LinkReportDependencies {
  readonly link: Pick<BusLink, 'kind' | 'connected' | 'failure'>;
  readonly clock: Clock;
  readonly metrics: Pick<Metrics, 'busConnected'>;
  readonly log: Log;
}

/** Says when a link is lost and when it is back, once a minute at most: what is then so, if it is not what was said last. */
export class LinkReport {
  readonly #dependencies: LinkReportDependencies;
  readonly #begunAt: number;
  #said: 'lost' | 'back' | 'nothing' = 'nothing';
  #saidAt = -Infinity;

  constructor(dependencies: LinkReportDependencies) {
    this.#dependencies = dependencies;
    this.#begunAt = dependencies.clock.monotonic();
  }

  /** Each second. */
  look(): void {
    const { link, clock, metrics, log } = this.#dependencies;
    const { connected, kind } = link;
    metrics.busConnected({ link: kind, connected });
    const now = clock.monotonic();
    // A start takes a moment, and its first success is no news.
    if (this.#said === 'nothing' && (connected || now - this.#begunAt <= SILENT_AFTER_MS)) {
      if (connected) this.#said = 'back';
      return;
    }
    const is = connected ? 'back' : 'lost';
    if (is === this.#said || now - this.#saidAt < APART_MS) return;
    this.#said = is;
    this.#saidAt = now;
    if (connected) log.info('bus_back', `Changes are heard from every replica again (${kind}); everything that was known was read again`, { name: kind });
    else log.warn('bus_lost', `Not every replica is heard (${kind}), so changes elsewhere may be noticed only after a second. Requests are served as before`, { name: kind, error: link.failure });
  }
}
