import { setTimeout as sleep } from 'node:timers/promises';
import type { SeededRandom } from '../crash/seeded-random.ts';
import type { BusHealth } from './bus-health.ts';
import type { Installation } from './installation.ts';
import type { Replica } from './replica.ts';

export type ReplicaFault = 'killed' | 'lost its disk' | 'stood still' | 'stood still, cut off' | 'clock jumped' | 'redis killed' | 'redis cut' | 'database cut';

const ALL: readonly ReplicaFault[] = ['killed', 'lost its disk', 'stood still', 'stood still, cut off', 'clock jumped', 'redis killed', 'redis cut', 'database cut'];

/** So many faults in an order that the seed decides, each kind before any comes again. */
export function faultsInOrder(random: SeededRandom, count: number): readonly ReplicaFault[] {
  const faults: ReplicaFault[] = [];
  let left: ReplicaFault[] = [];
  while (faults.length < count) {
    if (left.length === 0) left = [...ALL];
    faults.push(...left.splice(random.below(left.length), 1));
  }
  return faults;
}

/** What goes wrong with one replica or with Redis, and is over when this resolves. */
export class ReplicaFaults {
  readonly #installation: Installation;
  readonly #bus: BusHealth;
  readonly #random: SeededRandom;
  readonly #pauseMs: number;

  constructor(installation: Installation, bus: BusHealth, random: SeededRandom, pauseMs: number) {
    this.#installation = installation;
    this.#bus = bus;
    this.#random = random;
    this.#pauseMs = pauseMs;
  }

  async happen(fault: ReplicaFault): Promise<void> {
    const { replicas, redis } = this.#installation;
    const replica = replicas[this.#random.below(replicas.length)];
    if (replica === undefined) return;
    switch (fault) {
      case 'killed':
      case 'lost its disk':
        await replica.kill();
        if (fault === 'lost its disk') await replica.loseDisk();
        await replica.start();
        break;
      case 'stood still':
        await this.#standStill(replica);
        break;
      case 'stood still, cut off':
        await this.#without(async () => {
          replica.pause();
          replica.cutOff('redis');
          await sleep(this.#pauseMs);
          replica.goOn();
          await sleep(this.#random.below(2_000));
          replica.join('redis');
        });
        break;
      case 'clock jumped':
        replica.clock.jump(this.#random.choose([[-9, 1], [-2, 1], [0, 1], [3, 1], [11, 1]]));
        await sleep(1_500);
        break;
      case 'redis killed':
        await this.#without(async () => {
          await redis.kill();
          await sleep(500 + this.#random.below(this.#pauseMs));
          await redis.start();
        });
        break;
      case 'redis cut':
        await this.#without(() => this.#cut(replica, 'redis', 1_000 + this.#random.below(this.#pauseMs)));
        break;
      case 'database cut':
      default:
        await this.#cut(replica, 'database', 500 + this.#random.below(3_000));
    }
  }

  async #standStill(replica: Replica): Promise<void> {
    replica.pause();
    await sleep(this.#pauseMs);
    replica.goOn();
  }

  async #cut(replica: Replica, way: 'database' | 'redis', ms: number): Promise<void> {
    replica.cutOff(way);
    await sleep(ms);
    replica.join(way);
  }

  async #without(work: () => Promise<void>): Promise<void> {
    this.#bus.trouble();
    await work();
    this.#bus.mended();
  }
}
