import type { Clock } from '../../ports/clock.ts';
import { KeyholdError } from '../../ports/errors.ts';
import type { Soon } from '../../ports/soon.ts';

/** What a load found: the value (a "none" is a value too) and the version or revision it was read at; 0 where there is no record. */
export interface Loaded<V> {
  readonly value: V;
  readonly version: number;
}

export interface RecordCacheOptions {
  readonly clock: Clock;
  /** How old an entry may get, counted from the moment its load began. */
  readonly ttlMs: number;
  /** Entries at most; the one used least lately goes first. */
  readonly max: number;
  /** Told of every look-up, for metrics. */
  readonly observe?: (hit: boolean) => void;
}

interface Entry<V> {
  readonly value: V;
  readonly loadedAt: number;
}

interface Flight<V> {
  readonly result: Promise<V>;
  /** Set when the record changed in an unknown way while its load was under way. */
  outdated: boolean;
}

/** A load that keeps coming back old is a store that lags; the caller is told to repeat instead of being given the old value. */
const LOADS_AT_MOST = 5;

/**
 * A bounded cache of records with one load per key at a time. A version below the highest one seen or announced is neither kept
 * nor returned: a load that was under way during a change is repeated, so that it cannot bring a revoked record back.
 * "None" is kept like any other value; errors are not.
 */
export class RecordCache<V> {
  readonly #clock: Clock;
  readonly #ttlMs: number;
  readonly #max: number;
  readonly #observe: (hit: boolean) => void;
  readonly #entries = new Map<string, Entry<V>>();
  readonly #flights = new Map<string, Flight<V>>();
  /** The lowest version of a key that may still be used. Bounded like the entries: a load begun later reads what is newest. */
  readonly #watermarks = new Map<string, number>();

  constructor({ clock, ttlMs, max, observe }: RecordCacheOptions) {
    this.#clock = clock;
    this.#ttlMs = ttlMs;
    this.#max = max;
    this.#observe = observe ?? (() => undefined);
  }

  /**
   * The value under the key, at most `ttlMs` old; without a promise where it is known. Rejects with what `load` throws, and with `unavailable`
   * when the load keeps returning an older version than one already seen.
   */
  get(key: string, load: () => Promise<Loaded<V>>): Soon<V> {
    const entry = this.#entries.get(key);
    if (entry !== undefined && this.#clock.monotonic() - entry.loadedAt < this.#ttlMs) {
      this.#observe(true);
      // While there is plenty of room the order does not matter, and a Map through which entries wander is copied again and again.
      if (this.#entries.size > this.#max / 2) {
        this.#entries.delete(key);
        this.#entries.set(key, entry);
      }
      return entry.value;
    }
    this.#observe(false);
    const flight = this.#flights.get(key);
    if (flight !== undefined) return flight.result;
    return this.#begin(key, load).result;
  }

  /**
   * Forgets the key. With `minVersion` (the version that a change made) nothing older is ever used again; without it, a load
   * that is under way is repeated.
   */
  invalidate(key: string, minVersion?: number): void {
    this.#entries.delete(key);
    if (minVersion !== undefined) {
      this.#raise(key, minVersion);
      return;
    }
    const flight = this.#flights.get(key);
    if (flight !== undefined) flight.outdated = true;
  }

  /** Forgets every value; a load that is under way is repeated. */
  clear(): void {
    this.#entries.clear();
    for (const flight of this.#flights.values()) flight.outdated = true;
  }

  #begin(key: string, load: () => Promise<Loaded<V>>): Flight<V> {
    const { promise, resolve, reject } = Promise.withResolvers<V>();
    const flight: Flight<V> = { result: promise, outdated: false };
    this.#flights.set(key, flight);
    this.#load(key, flight, load).then(resolve, (error: unknown) => {
      this.#flights.delete(key);
      reject(error);
    });
    return flight;
  }

  async #load(key: string, flight: Flight<V>, load: () => Promise<Loaded<V>>): Promise<V> {
    for (let attempt = 0; attempt < LOADS_AT_MOST; attempt += 1) {
      flight.outdated = false;
      const loadedAt = this.#clock.monotonic();
      const { value, version } = await load();
      if (flight.outdated || version < (this.#watermarks.get(key) ?? 0)) continue;
      this.#raise(key, version);
      this.#entries.delete(key);
      this.#entries.set(key, { value, loadedAt });
      dropOldest(this.#entries, this.#max);
      // In the same turn as the check: who asks after the next announcement must not join a flight that has already landed.
      this.#flights.delete(key);
      return value;
    }
    throw new KeyholdError('unavailable', 'A change has not reached every part of the database yet. Send the request again.', { retryAfterSeconds: 1 });
  }

  #raise(key: string, version: number): void {
    const known = this.#watermarks.get(key) ?? 0;
    this.#watermarks.delete(key);
    this.#watermarks.set(key, Math.max(known, version));
    dropOldest(this.#watermarks, this.#max);
  }
}

function dropOldest(map: Map<string, unknown>, max: number): void {
  for (const key of map.keys()) {
    if (map.size <= max) return;
    map.delete(key);
  }
}
