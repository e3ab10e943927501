import { createSecretKey } from 'node:crypto';
import type { Bus, BusMessage, BusNews } from '../../ports/bus.ts';
import type { BusTransport } from '../../ports/bus-transport.ts';
import type { Clock, RandomBytes } from '../../ports/clock.ts';
import type { Log } from '../../ports/log.ts';
import type { Metrics } from '../../ports/metrics.ts';
import { BusLink } from './bus-link.ts';
import { LinkReport } from './link-report.ts';
import { HEARTBEAT_MS } from './sender-watch.ts';

export interface ReplicaBusDependencies {
  /** This process's own. */
  readonly local: Bus & { tell(news: BusNews): void };
  /** This process's name, new at each start. */
  readonly replica: string;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly metrics: Pick<Metrics, 'bus' | 'busDelivery' | 'busConnected'>;
  readonly log: Log;
}

/**
 * The bus of a replica: tells its own process first and at once, then the others, over every link that there is. Until `connect` there are none. A change never
 * fails because of a link; while one is not trusted, records are believed for a moment only, here and, as they notice it too, everywhere (S32).
 */
export class ReplicaBus implements Bus {
  readonly #dependencies: ReplicaBusDependencies;
  readonly #links: BusLink[] = [];
  readonly #reports: LinkReport[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(dependencies: ReplicaBusDependencies) {
    this.#dependencies = dependencies;
  }

  get trusted(): boolean {
    // Every look into a cache asks this, and every request how many replicas there are: nothing is made for either.
    if (!this.#dependencies.local.trusted) return false;
    for (const link of this.#links) if (!link.trusted) return false;
    return true;
  }

  /** Whether all links carry messages, with everybody there. */
  get connected(): boolean {
    return this.#links.every((link) => link.connected);
  }

  /** How many replicas there are, this one included, as far as is known. */
  get replicas(): number {
    let others = 0;
    for (const link of this.#links) others = Math.max(others, link.others);
    return 1 + others;
  }

  async publish(message: BusMessage): Promise<void> {
    await this.#dependencies.local.publish(message);
    await Promise.all(this.#links.map((link) => link.announce(message)));
  }

  subscribe(receive: (news: BusNews) => void): () => void {
    return this.#dependencies.local.subscribe(receive);
  }

  /** From now on there are others. `subkey`: 32 bytes that all replicas of the installation have and nobody else. */
  connect(transports: readonly BusTransport[], subkey: Buffer): void {
    const { local, replica, clock, random, metrics, log } = this.#dependencies;
    const key = createSecretKey(subkey);
    const epoch = random(8).toString('hex');
    for (const transport of transports) {
      const link = new BusLink({ transport, key, replica, epoch, clock, metrics, tell: (news) => local.tell(news) });
      this.#links.push(link);
      this.#reports.push(new LinkReport({ link, clock, metrics, log }));
      link.start();
    }
    if (transports.length === 0) return;
    this.#timer ??= setInterval(() => this.#beat(), HEARTBEAT_MS).unref();
    this.#beat();
  }

  /** Says goodbye, so that nobody waits for this process. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#links.map((link) => link.close()));
  }

  #beat(): void {
    for (const link of this.#links) void link.beat();
    for (const report of this.#reports) report.look();
  }
}
