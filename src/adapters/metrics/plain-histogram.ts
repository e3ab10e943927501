import { Histogram } from 'prom-client';
import { LabelTree } from './label-tree.ts';

interface Observed {
  /** What fell into each bucket and into none before it; behind the last bound comes what is above all of them. */
  readonly counts: number[];
  sum: number;
}

export interface PlainHistogramOptions {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly string[];
  /** Upper bounds, rising. */
  readonly buckets: readonly number[];
}

/** A histogram that counts in plain numbers, as `PlainCounts` does, and is put into the library's form when somebody looks. */
export class PlainHistogram extends Histogram {
  readonly #options: PlainHistogramOptions;
  readonly #observed: LabelTree<Observed>;

  constructor(options: PlainHistogramOptions) {
    const { name, help, labelNames, buckets } = options;
    super({ name, help, labelNames: [...labelNames], buckets: [...buckets], registers: [] });
    this.#options = options;
    this.#observed = new LabelTree(labelNames, () => ({ counts: Array.from({ length: buckets.length + 1 }, () => 0), sum: 0 }));
  }

  /** `labels`: the labels' values, in their order. */
  add(labels: readonly string[], value: number): void {
    const { buckets } = this.#options;
    const observed = this.#observed.at(labels);
    let bucket = 0;
    while (bucket < buckets.length && value > (buckets[bucket] ?? 0)) bucket += 1;
    observed.counts[bucket] = (observed.counts[bucket] ?? 0) + 1;
    observed.sum += value;
  }

  /** What the library asks for when it writes text, and when it tells another process. */
  async getForPromString(): Promise<object> {
    const { name, help, buckets } = this.#options;
    const values = this.#observed.entries().flatMap(({ labels, value: { counts, sum } }) => {
      let count = 0;
      const below = [...buckets, '+Inf'].map((le, bucket) => ({ metricName: `${name}_bucket`, labels: { le }, sharedLabels: labels, value: (count += counts[bucket] ?? 0) }));
      return [...below, { metricName: `${name}_sum`, labels: {}, sharedLabels: labels, value: sum }, { metricName: `${name}_count`, labels: {}, sharedLabels: labels, value: count }];
    });
    return { name, help, type: 'histogram', aggregator: 'sum', values };
  }
}
