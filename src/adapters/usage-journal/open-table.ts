import type { OpenRequest } from './tick-batch.ts';

const BUCKETS = 1_024;

/**
 * The open requests by id. Not a Map: V8 copies the table of a Map through which entries pass again and again, and the old copies, once promoted,
 * keep everything that was in them alive until the next full collection (docs/performance.md). Nor a list for each bucket: what grows and shrinks with every
 * request is allocated with every request. These are chains through the requests themselves, which leave nothing behind.
 */
export class OpenTable {
  readonly #first: (OpenRequest | undefined)[] = Array.from({ length: BUCKETS }, () => undefined);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(id: string): OpenRequest | undefined {
    let request = this.#first[bucketOf(id)];
    while (request !== undefined && request.id !== id) request = request.next;
    return request;
  }

  /** One that is not in it yet. */
  add(request: OpenRequest): void {
    const bucket = bucketOf(request.id);
    request.next = this.#first[bucket];
    this.#first[bucket] = request;
    this.#size += 1;
  }

  delete(id: string): void {
    const bucket = bucketOf(id);
    let before: OpenRequest | undefined;
    for (let request = this.#first[bucket]; request !== undefined; before = request, request = request.next) {
      if (request.id !== id) continue;
      if (before === undefined) this.#first[bucket] = request.next;
      else before.next = request.next;
      request.next = undefined;
      this.#size -= 1;
      return;
    }
  }

  /** The ids sort by time, and so do these: the oldest first. */
  all(): readonly OpenRequest[] {
    const all: OpenRequest[] = [];
    for (const first of this.#first) for (let request = first; request !== undefined; request = request.next) all.push(request);
    return all.toSorted((a, b) => (a.id < b.id ? -1 : 1));
  }
}

/** By the last characters of an id, which are random. */
function bucketOf(id: string): number {
  const { length } = id;
  const hash = id.charCodeAt(length - 1) + 31 * id.charCodeAt(length - 2) + 961 * id.charCodeAt(length - 3);
  return Number.isNaN(hash) ? 0 : hash % BUCKETS;
}
