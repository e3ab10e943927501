import type { Trace } from './canaries.ts';

/** Every trace is longer. */
const WINDOW = 12;
const BASE = 0x01000193;
const TABLE_BITS = 22;

/**
 * Looks for thousands of texts in one pass: a rolling hash (Rabin and Karp) over each window of 12 bytes says where a text may begin,
 * and only there it is compared.
 */
export class TraceSearch {
  readonly #byHash = new Map<number, Trace[]>();
  readonly #maybe = new Uint8Array(2 ** TABLE_BITS);
  /** What the byte that leaves the window counts for. */
  readonly #leaving: number;

  constructor(traces: readonly Trace[]) {
    let leaving = 1;
    for (let at = 0; at < WINDOW; at += 1) leaving = Math.imul(leaving, BASE);
    this.#leaving = leaving;
    for (const trace of traces) {
      if (trace.bytes.length < WINDOW) throw new Error(`The trace of ${trace.place} is too short: ${trace.encoding}.`);
      let hash = 0;
      for (const byte of trace.bytes.subarray(0, WINDOW)) hash = next(hash, byte);
      this.#byHash.set(hash, [...(this.#byHash.get(hash) ?? []), trace]);
      this.#maybe[hash >>> (32 - TABLE_BITS)] = 1;
    }
  }

  /** The traces in these bytes, each once. */
  find(bytes: Buffer): readonly Trace[] {
    const found = new Set<Trace>();
    let hash = 0;
    for (let at = 0; at < bytes.length; at += 1) {
      hash = next(hash, bytes[at] ?? 0);
      if (at >= WINDOW) hash = (hash - Math.imul(bytes[at - WINDOW] ?? 0, this.#leaving)) | 0;
      if (at < WINDOW - 1 || this.#maybe[hash >>> (32 - TABLE_BITS)] === 0) continue;
      const start = at - WINDOW + 1;
      for (const trace of this.#byHash.get(hash) ?? []) {
        if (bytes.subarray(start, start + trace.bytes.length).equals(trace.bytes)) found.add(trace);
      }
    }
    return [...found];
  }
}

function next(hash: number, byte: number): number {
  return (Math.imul(hash, BASE) + byte) | 0;
}
