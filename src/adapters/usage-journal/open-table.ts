import type { OpenRequest } from './tick-batch.ts';

const BUCKETS = 1_024;

/**
 * The open requests by id. Not a Map: V8 copies the table of a Map through which entries pass again and again, and the old copies, once promoted,
 * keep everything that was in them alive until the next full collection (docs/performance.md). These lists are made once, and leave nothing behind.
 */
export class OpenTable {
  readonly #buckets: readonly OpenRequest[][] = Array.from({ length: BUCKETS }, () => []);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(id: string): OpenRequest | undefined {
    for (const request of this.#bucketOf(id)) if (request.id === id) return request;
    return undefined;
  }

  /** One that is not in it yet. */
  add(request: OpenRequest): void {
    this.#bucketOf(request.id).push(request);
    this.#size += 1;
  }

  delete(id: string): void {
    const bucket = this.#bucketOf(id);
    const at = bucket.findIndex((request) => request.id === id);
    if (at === -1) return;
    const last = bucket.pop();
    if (last !== undefined && last.id !== id) bucket[at] = last;
    this.#size -= 1;
  }

  /** The ids sort by time, and so do these: the oldest first. */
  all(): readonly OpenRequest[] {
    return this.#buckets.flat().toSorted((a, b) => (a.id < b.id ? -1 : 1));
  }

  /** By the last characters of an id, which are random. */
  #bucketOf(id: string): OpenRequest[] {
    const { length } = id;
    const hash = id.charCodeAt(length - 1) + 31 * id.charCodeAt(length - 2) + 961 * id.charCodeAt(length - 3);
    const bucket = this.#buckets[Number.isNaN(hash) ? 0 : hash % BUCKETS];
    if (bucket === undefined) throw new RangeError('There is no such bucket.');
    return bucket;
  }
}
