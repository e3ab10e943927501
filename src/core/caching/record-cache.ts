import { type Bus, DISTRUSTED_MS } from '../../ports/bus.ts';
import type { Clock } from '../../ports/clock.ts';
import { KeyholdError } from '../../ports/errors.ts';
import type { Soon } from '../../ports/soon.ts';
import { NotInTime } from '../outages/in-time.ts';
import type { Source } from '../outages/source.ts';
import { outageRule } from '../resolution/stale-table.ts';

/** What a load found: the value (a "none" is a value too) and the version or revision it was read at; 0 where there is no record. */
export interface Loaded<V> {
  readonly value: V;
  readonly version: number;
}

/** Where a load reads from. */
export interface ReadFrom {
  readonly source: Source;
}

export interface RecordCacheOptions<V> {
  readonly clock: Clock;
  /** How old an entry may get, counted from the moment its load began, while it can be read again. */
  readonly ttlMs: number;
  /** So long before its time is over what is asked for is read again while nobody waits, so that hardly anything is old when an outage begins; left out, not at all. */
  readonly aheadMs?: number;
  /** For what others change: while the bus is not trusted entries get a second old at most, and whenever it says that something was missed, all are read again. */
  readonly bus?: Pick<Bus, 'trusted' | 'subscribe'>;
  /** Entries at most; the one used least lately goes first. */
  readonly max: number;
  /** Told of every look-up, for metrics. */
  readonly observe?: (hit: boolean) => void;
  /** Whether a value may serve beyond its time while it cannot be read again (DESIGN «Stale serving»); left out, any may. */
  readonly outlives?: (value: V) => boolean;
  /** What loads read from, unless `get` names something else that notes its reads itself. Without one nothing outlives its time, and whoever asks waits as long as the load takes. */
  readonly from?: ReadFrom | undefined;
}

interface Entry<V> {
  readonly value: V;
  /** When it was last told to be so: its load began then. */
  readonly confirmedAt: number;
  freshUntil: number;
  /** It may have changed unheard: whoever asks waits for it to be read again, unless nobody can. */
  distrusted: boolean;
  /** Not read again before: the last try failed. */
  retryAt: number;
  /** Tries in a row that failed. */
  failures: number;
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
 *
 * While it cannot be read again, what was read serves on up to the source's limit, counted from when it was last confirmed. Nobody waits then for a
 * source that is known to be away; the first who finds out waits less than half a second. What was announced to have changed is gone, and never serves so.
 */
export class RecordCache<V> {
  readonly #clock: Clock;
  readonly #ttlMs: number;
  readonly #aheadMs: number;
  readonly #bus: Pick<Bus, 'trusted'> | undefined;
  readonly #max: number;
  readonly #observe: (hit: boolean) => void;
  readonly #outlives: (value: V) => boolean;
  readonly #from: ReadFrom | undefined;
  readonly #entries = new Map<string, Entry<V>>();
  readonly #flights = new Map<string, Flight<V>>();
  /** The lowest version of a key that may still be used. Bounded like the entries: a load begun later reads what is newest, and one that is under way is repeated. */
  readonly #watermarks = new Map<string, number>();

  constructor({ clock, ttlMs, aheadMs = 0, bus, max, observe, outlives, from }: RecordCacheOptions<V>) {
    this.#clock = clock;
    this.#ttlMs = ttlMs;
    this.#aheadMs = aheadMs;
    this.#bus = bus;
    this.#max = max;
    this.#observe = observe ?? (() => undefined);
    this.#outlives = outlives ?? (() => true);
    this.#from = from;
    bus?.subscribe(({ topic }) => {
      if (topic === 'missed') this.revalidate();
    });
  }

  /**
   * The value under the key; without a promise where there is nothing to wait for. At most `ttlMs` old, unless it cannot be read again (`staleMs` tells).
   * Rejects with what `load` throws; with `unavailable` where nothing is known and whoever is read from is away, within a second, and when the load keeps
   * returning an older version than one already seen.
   */
  get(key: string, load: () => Promise<Loaded<V>>, from: ReadFrom | undefined = this.#from): Soon<V> {
    // Asked before anything is looked up: this is where a process that stood still notices, and then `missed` comes.
    const believedMs = this.#believedMs();
    const entry = this.#entries.get(key);
    if (entry !== undefined && this.#isFresh(entry, believedMs)) {
      this.#observe(true);
      // While there is plenty of room the order does not matter, and a Map through which entries wander is copied again and again.
      if (this.#entries.size > this.#max / 2) {
        this.#entries.delete(key);
        this.#entries.set(key, entry);
      }
      if (this.#aheadMs > 0) this.#readAhead(key, entry, load, from);
      return entry.value;
    }
    this.#observe(false);
    const source = from?.source;
    if (source === undefined) return (this.#flights.get(key) ?? this.#begin(key, load)).result;
    return entry !== undefined && this.#mayServe(entry, source) ? this.#outlived(key, entry, load, source) : this.#unknown(key, load, source);
  }

  /** How long ago what `get` would return was last confirmed, in milliseconds, if it is beyond its time; otherwise 0. */
  staleMs(key: string): number {
    const entry = this.#entries.get(key);
    return entry === undefined || this.#isFresh(entry, this.#believedMs()) ? 0 : this.#clock.monotonic() - entry.confirmedAt;
  }

  /**
   * Reads the key again ahead of its time, so that nobody has to wait for it; what is known serves meanwhile. Without a reading where one is under way, or where
   * nobody knows whether whoever is read from is back. Rejects with what `load` throws.
   */
  async renew(key: string, load: () => Promise<Loaded<V>>): Promise<void> {
    if (this.#flights.has(key)) return;
    const source = this.#from?.source;
    await (source?.isAway === true ? this.#beginTurn(key, load, source) : this.#begin(key, load, source))?.result;
  }

  /** Takes in what somebody else was told so long ago, until it can be read here; nothing that is known here is replaced. */
  adopt(key: string, value: V, ageMs: number): void {
    if (this.#entries.has(key)) return;
    const confirmedAt = this.#clock.monotonic() - ageMs;
    this.#entries.set(key, { value, confirmedAt, freshUntil: confirmedAt + this.#believedMs(), distrusted: false, retryAt: 0, failures: 0 });
    dropOldest(this.#entries, this.#max);
  }

  /** To be read again when it is next asked for. Unlike what is invalidated it serves on if it cannot be. */
  expire(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    distrust(entry);
  }

  /** The same of every entry, and loads that are under way are repeated: announcements may have been missed. */
  revalidate(): void {
    for (const entry of this.#entries.values()) distrust(entry);
    for (const flight of this.#flights.values()) flight.outdated = true;
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

  #isFresh({ freshUntil, confirmedAt }: Entry<V>, believedMs: number): boolean {
    const now = this.#clock.monotonic();
    return now < freshUntil && now - confirmedAt < believedMs;
  }

  #believedMs(): number {
    return this.#bus?.trusted === false ? Math.min(this.#ttlMs, DISTRUSTED_MS) : this.#ttlMs;
  }

  #begin(key: string, load: () => Promise<Loaded<V>>, source?: Source): Flight<V> {
    const { promise, resolve, reject } = Promise.withResolvers<V>();
    const flight: Flight<V> = { result: promise, outdated: false };
    this.#flights.set(key, flight);
    this.#load(key, flight, load).then(resolve, (error: unknown) => {
      this.#flights.delete(key);
      this.#failed(key, error, source);
      reject(error);
    });
    return flight;
  }

  /** What was said to be so is not, or nobody can tell now. */
  #failed(key: string, error: unknown, source: Source | undefined): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    const { stale, opens } = outageRule(error);
    if (source === undefined || !stale) {
      this.#entries.delete(key);
      return;
    }
    // What is noticed for all keys together must not wait for this one; of the rest every key finds out for itself.
    entry.failures = opens ? 1 : entry.failures + 1;
    entry.retryAt = this.#clock.monotonic() + source.retryPauseMs(entry.failures);
  }

  #mayServe({ confirmedAt, value }: Entry<V>, { staleLimitMs, refuses }: Source): boolean {
    return !refuses && this.#clock.monotonic() - confirmedAt < staleLimitMs && this.#outlives(value);
  }

  /** In its last moments, while whoever is read from is well. */
  #readAhead(key: string, { freshUntil, retryAt }: Entry<V>, load: () => Promise<Loaded<V>>, from: ReadFrom | undefined): void {
    const now = this.#clock.monotonic();
    if (now < freshUntil - this.#aheadMs || now < retryAt || from === undefined || this.#flights.has(key) || from.source.isTroubled) return;
    this.#beginTurn(key, load, from.source)?.result.catch(() => undefined);
  }

  /** Known, and beyond its time. */
  #outlived(key: string, entry: Entry<V>, load: () => Promise<Loaded<V>>, source: Source): Soon<V> {
    const canRetry = this.#clock.monotonic() >= entry.retryAt;
    if (canRetry && (entry.distrusted ? !source.isAway : !source.isTroubled)) return this.#readOrOutlived(key, (this.#flights.get(key) ?? this.#begin(key, load, source)).result, source);
    if (canRetry && !this.#flights.has(key)) this.#beginTurn(key, load, source)?.result.catch(() => undefined);
    source.outlived();
    return entry.value;
  }

  /** Read again, if that does not take long. */
  async #readOrOutlived(key: string, reading: Promise<V>, source: Source): Promise<V> {
    try {
      return await source.inPatience(reading);
    } catch (error) {
      const isLate = error instanceof NotInTime;
      if (!isLate && !outageRule(error).stale) throw error;
      // Looked up again: what was announced to have changed meanwhile is gone.
      const entry = this.#entries.get(key);
      if (isLate) source.isSlow();
      if (entry === undefined || !this.#mayServe(entry, source)) return isLate ? source.whileAlive(reading) : Promise.reject(error);
      source.outlived();
      return entry.value;
    }
  }

  #unknown(key: string, load: () => Promise<Loaded<V>>, source: Source): Promise<V> {
    const flight = this.#flights.get(key) ?? (source.isAway ? this.#beginTurn(key, load, source) : this.#begin(key, load, source));
    return flight === undefined ? Promise.reject(source.awayError()) : source.whileAlive(flight.result);
  }

  #beginTurn(key: string, load: () => Promise<Loaded<V>>, source: Source): Flight<V> | undefined {
    if (!source.turn()) return undefined;
    const flight = this.#begin(key, load, source);
    const over = (): void => source.turnOver();
    flight.result.then(over, over);
    return flight;
  }

  async #load(key: string, flight: Flight<V>, load: () => Promise<Loaded<V>>): Promise<V> {
    for (let attempt = 0; attempt < LOADS_AT_MOST; attempt += 1) {
      flight.outdated = false;
      const confirmedAt = this.#clock.monotonic();
      const { value, version } = await (this.#from === undefined ? load() : this.#from.source.run(load));
      const believedMs = this.#believedMs();
      if (flight.outdated || version < (this.#watermarks.get(key) ?? 0)) continue;
      this.#raise(key, version);
      this.#entries.delete(key);
      this.#entries.set(key, { value, confirmedAt, freshUntil: confirmedAt + believedMs, distrusted: false, retryAt: 0, failures: 0 });
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
    for (const oldest of this.#watermarks.keys()) {
      if (this.#watermarks.size <= this.#max) return;
      this.#watermarks.delete(oldest);
      const flight = this.#flights.get(oldest);
      if (flight !== undefined) flight.outdated = true;
    }
  }
}

function distrust(entry: Entry<unknown>): void {
  entry.freshUntil = 0;
  entry.distrusted = true;
  entry.retryAt = 0;
}

function dropOldest(map: Map<string, unknown>, max: number): void {
  for (const key of map.keys()) {
    if (map.size <= max) return;
    map.delete(key);
  }
}
