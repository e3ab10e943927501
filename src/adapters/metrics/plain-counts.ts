import type { Counter } from 'prom-client';
import { LabelTree } from './label-tree.ts';

/**
 * Counts in plain numbers and hands them to a counter when somebody looks: finding a label set in the registry takes longer than everything
 * else that a request has to have counted (docs/performance.md).
 */
export class PlainCounts {
  readonly #counter: Counter;
  readonly #counts: LabelTree<{ count: number }>;

  /** `names`: the counter's labels. */
  constructor(counter: Counter, names: readonly string[]) {
    this.#counter = counter;
    this.#counts = new LabelTree(names, () => ({ count: 0 }));
  }

  /** `values`: the labels' values, in their order. */
  add(values: readonly string[]): void {
    this.of(values).count += 1;
  }

  /** The count itself, for whoever keeps it at hand. */
  of(values: readonly string[]): { count: number } {
    return this.#counts.at(values);
  }

  flush(): void {
    for (const { labels, value } of this.#counts.entries()) {
      if (value.count > 0) this.#counter.inc(labels, value.count);
      value.count = 0;
    }
  }
}
