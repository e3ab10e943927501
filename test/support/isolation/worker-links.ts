import { answerLease } from '../../../src/adapters/limit-leases/worker-leases.ts';
import { LeaseTable } from '../../../src/adapters/limit-leases/lease-table.ts';
import type { Seat } from '../../../src/workers/seat.ts';
import { movedClock } from './moved-clock.ts';

type Link = Seat['link'];

/** What the first process is to its workers, for compositions that are all in this process; keeps what they tell one another. */
export class WorkerLinks {
  readonly #receivers = new Map<string, Map<Link, (message: unknown) => void>>();
  readonly #answerers = new Map<string, Map<Link, () => Promise<unknown>>>();
  readonly #leases = new LeaseTable(movedClock);
  /** As they would go through the channel. */
  readonly told: string[] = [];

  readonly #count: number;

  constructor(count: number) {
    this.#count = count;
  }

  link(): Link {
    const link: Link = {
      serving: this.#count,
      channel: (topic) => ({
        send: async (message) => {
          this.told.push(JSON.stringify(message));
          // As through a channel: a copy, and not in the sender's own turn.
          await new Promise((resolve) => setImmediate(resolve));
          for (const [other, receive] of this.#receivers.get(topic) ?? []) if (other !== link) receive(structuredClone(message));
        },
        onMessage: (receive) => void at(this.#receivers, topic).set(link, receive),
        onCut: () => undefined,
      }),
      ask: async (about) => Promise.all([...(this.#answerers.get(about)?.values() ?? [])].map((answer) => answer())),
      answers: (about, answer) => void at(this.#answerers, about).set(link, answer),
      lease: async (question) => answerLease(this.#leases, question),
      tellMetrics: () => undefined,
      tellRootKey: () => undefined,
    };
    return link;
  }
}

function at<T>(map: Map<string, Map<Link, T>>, name: string): Map<Link, T> {
  const found = map.get(name) ?? new Map<Link, T>();
  map.set(name, found);
  return found;
}
