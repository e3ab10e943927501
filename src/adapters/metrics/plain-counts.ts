import type { Counter } from 'prom-client';

/** Label sets that are kept apart between two looks; there are a few for each route that is used. */
const MAX_KINDS = 1_000;

interface Kind {
  readonly labels: Readonly<Record<string, string>>;
  count: number;
}

/**
 * Counts in plain numbers and hands them to a counter when somebody looks: finding a label set in the registry takes longer than everything
 * else that a request has to have counted (docs/performance.md).
 */
export class PlainCounts {
  readonly #counter: Counter;
  readonly #kinds = new Map<string, Kind>();

  constructor(counter: Counter) {
    this.#counter = counter;
  }

  /** `key` stands for the labels, which are asked for only where they are new. */
  add(key: string, labels: () => Readonly<Record<string, string>>): void {
    const kind = this.#kinds.get(key);
    if (kind !== undefined) {
      kind.count += 1;
      return;
    }
    if (this.#kinds.size >= MAX_KINDS) this.flush();
    this.#kinds.set(key, { labels: labels(), count: 1 });
  }

  flush(): void {
    for (const { labels, count } of this.#kinds.values()) this.#counter.inc(labels, count);
    this.#kinds.clear();
  }
}
