import { type Bus, type BusMessage, DISTRUSTED_MS } from '../../ports/bus.ts';
import type { Clock } from '../../ports/clock.ts';
import type { CredentialRecord, CredentialRepository } from '../../ports/metadata/credentials.ts';
import type { Stored } from '../../ports/metadata/stored.ts';
import type { Metrics } from '../../ports/metrics.ts';
import { type Scope, scopeKey, tenantScope } from '../../ports/scope.ts';
import type { Soon } from '../../ports/soon.ts';
import { JoinedKeys } from '../caching/joined-keys.ts';
import { type Loaded, RecordCache } from '../caching/record-cache.ts';
import type { Sources } from '../outages/sources.ts';

/** One scope's credentials of one service, by label; empty where there is none. */
export type Pool = readonly CredentialRecord[];

/** Records are at most this old (R3.10, DESIGN «Cache»), also where no announcement arrives. */
const TTL_MS = 10_000;
const MAX = 10_000;
/** Below every revision: the cache reads again instead of keeping it. */
const TOO_OLD = -1;

interface Known {
  readonly scope: Scope;
  readonly service: string;
  readonly pool: Pool;
  since: number;
  /** Something changed since: what is known may no longer be so. */
  changed: boolean;
}

export interface CredentialPoolsDependencies {
  readonly records: CredentialRepository;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly sources?: Sources | undefined;
}

/** Credential records as resolution sees them: cached for 10 s, read again at once when a change is announced, never going back. */
export class CredentialPools {
  readonly #records: CredentialRepository;
  readonly #bus: Bus;
  readonly #clock: Clock;
  readonly #cache: RecordCache<Pool>;
  readonly #keys = new JoinedKeys((tenant, service) => `${scopeKey(tenantScope(tenant))}/${service}`);
  readonly #known = new Map<string, Known>();
  /** The lowest revision of a credential's record that may still be used; from announcements. */
  readonly #lowest = new Map<string, ReadonlyMap<string, number>>();

  constructor({ records, bus, clock, metrics, sources }: CredentialPoolsDependencies) {
    this.#records = records;
    this.#bus = bus;
    this.#clock = clock;
    this.#cache = new RecordCache({ clock, ttlMs: TTL_MS, max: MAX, bus, observe: (hit) => metrics.cache({ cache: 'record', hit }), from: sources?.ofDatabase });
    bus.subscribe((message) => {
      if (message.topic === 'credential') this.#changed(message);
      // Read again by whoever asks next; open streams ask once a second.
      if (message.topic === 'missed') for (const known of this.#known.values()) known.since = -Infinity;
    });
  }

  /** Rejects with `unavailable` when the records cannot be read, or only older ones than were announced. */
  of(scope: Scope, service: string): Soon<Pool> {
    const key = this.#keyOf(scope, service);
    return this.#cache.get(key, () => this.#load(key, scope, service));
  }

  /** Whether no change has been announced since the pool was read. */
  isLatest(scope: Scope, service: string, pool: Pool): boolean {
    const known = this.#known.get(this.#keyOf(scope, service));
    return known !== undefined && known.pool === pool && !known.changed;
  }

  /**
   * The pool as this process knows it, without waiting; what is changed or older than 10 s is asked for again for the next call.
   * undefined when nothing is known.
   */
  known(scope: Scope, service: string): Pool | undefined {
    const known = this.#known.get(this.#keyOf(scope, service));
    if (known === undefined || known.changed || this.#clock.monotonic() - known.since >= (this.#bus.trusted ? TTL_MS : DISTRUSTED_MS)) this.#readAgain(scope, service);
    return known?.pool;
  }

  /** The next read goes to the database, if that can be read. */
  forget(scope: Scope, service: string): void {
    this.#cache.expire(this.#keyOf(scope, service));
  }

  /** How long ago the pool was confirmed, where it serves beyond its time; otherwise 0. */
  staleMs(scope: Scope, service: string): number {
    return this.#cache.staleMs(this.#keyOf(scope, service));
  }

  async #load(key: string, scope: Scope, service: string): Promise<Loaded<Pool>> {
    const since = this.#clock.monotonic();
    const stored = await this.#records.listService(scope, service);
    const pool = stored.map(({ record }) => record);
    if (this.#isOld(key, stored)) return { value: pool, version: TOO_OLD };
    // Known from here on, so that no announcement falls between this reading and its first use.
    this.#known.delete(key);
    this.#known.set(key, { scope, service, pool, since, changed: false });
    dropOldest(this.#known);
    return { value: pool, version: revisionOf(stored) };
  }

  #isOld(key: string, stored: readonly Stored<CredentialRecord>[]): boolean {
    const lowest = [...(this.#lowest.get(key) ?? [])];
    return lowest.some(([label, revision]) => (stored.find(({ record }) => record.label === label)?.revision ?? 0) < revision);
  }

  #changed({ scopeKey: scope, service, label, version }: BusMessage & { readonly topic: 'credential' }): void {
    const key = `${scope}/${service}`;
    const lowest = new Map(this.#lowest.get(key));
    lowest.set(label, Math.max(version, lowest.get(label) ?? 0));
    this.#lowest.delete(key);
    this.#lowest.set(key, lowest);
    dropOldest(this.#lowest);
    this.#cache.invalidate(key);
    const known = this.#known.get(key);
    if (known === undefined) return;
    known.changed = true;
    // Open streams ask what is known once a second; they must hear of a revocation although no request comes (S10).
    this.#readAgain(known.scope, known.service);
  }

  #keyOf(scope: Scope, service: string): string {
    return scope.kind === 'tenant' ? this.#keys.of(scope.tenant, service) : `${scopeKey(scope)}/${service}`;
  }

  /** A failure shows at the next request; what is known stays until then. */
  #readAgain(scope: Scope, service: string): void {
    const again = this.of(scope, service);
    if (again instanceof Promise) again.catch(() => undefined);
  }
}

/** Records are never taken out of a pool and their revisions only grow, so that the sum orders two readings of it. */
function revisionOf(stored: readonly Stored<CredentialRecord>[]): number {
  return stored.reduce((sum, { revision }) => sum + revision, 0);
}

function dropOldest(map: Map<string, unknown>): void {
  for (const key of map.keys()) {
    if (map.size <= MAX) return;
    map.delete(key);
  }
}
