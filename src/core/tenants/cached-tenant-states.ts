import type { Bus } from '../../ports/bus.ts';
import type { Clock } from '../../ports/clock.ts';
import type { TenantRecord, TenantRepository } from '../../ports/metadata/tenants.ts';
import type { Metrics } from '../../ports/metrics.ts';
import type { Soon } from '../../ports/soon.ts';
import type { TenantStates } from '../access/authorize.ts';
import { RecordCache } from '../caching/record-cache.ts';
import type { Sources } from '../outages/sources.ts';

const TTL_MS = 10_000;
const MAX_CACHED = 10_000;

export interface CachedTenantStatesDependencies {
  readonly tenants: TenantRepository;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly sources?: Sources | undefined;
}

/** Tenants' states as every decision needs them, at most 10 s old, "none" included, and read again at once when one changes. */
export class CachedTenantStates implements TenantStates {
  readonly #tenants: TenantRepository;
  readonly #states: RecordCache<TenantRecord['state'] | undefined>;

  constructor({ tenants, bus, clock, metrics, sources }: CachedTenantStatesDependencies) {
    this.#tenants = tenants;
    this.#states = new RecordCache({
      clock,
      ttlMs: TTL_MS,
      max: MAX_CACHED,
      bus,
      observe: (hit) => metrics.cache({ cache: 'record', hit }),
      // Only what lets something happen outlives: an outage never looks like a tenant that is suspended or was never there.
      outlives: (state) => state === 'active',
      from: sources?.ofDatabase,
    });
    bus.subscribe((message) => {
      if (message.topic === 'tenant') this.#states.invalidate(message.tenant, message.version);
    });
  }

  /** How long ago the state was confirmed, where it serves beyond its time; otherwise 0. */
  staleMs(tenant: string): number {
    return this.#states.staleMs(tenant);
  }

  /** undefined where there is no such tenant. Rejects with `unavailable` when the database cannot answer. */
  stateOf(tenant: string): Soon<TenantRecord['state'] | undefined> {
    return this.#states.get(tenant, async () => {
      const stored = await this.#tenants.get({ tenant });
      return { value: stored?.record.state, version: stored?.revision ?? 0 };
    });
  }
}
