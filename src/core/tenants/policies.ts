import type { Bus } from '../../ports/bus.ts';
import type { Clock } from '../../ports/clock.ts';
import type { PolicyRecord, PolicyRepository } from '../../ports/metadata/tenants.ts';
import type { Metrics } from '../../ports/metrics.ts';
import type { Soon } from '../../ports/soon.ts';
import { RecordCache } from '../caching/record-cache.ts';
import type { Sources } from '../outages/sources.ts';
import { defaultPolicy } from './default-policy.ts';

const TTL_MS = 10_000;
const MAX_CACHED = 10_000;

export interface PoliciesDependencies {
  readonly policies: PolicyRepository;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly sources?: Sources | undefined;
}

/** Tenants' policies as every request needs them: at most 10 s old, and read again at once when one changes. */
export class Policies {
  readonly #records: PolicyRepository;
  readonly #cache: RecordCache<PolicyRecord>;

  constructor({ policies, bus, clock, metrics, sources }: PoliciesDependencies) {
    this.#records = policies;
    this.#cache = new RecordCache({ clock, ttlMs: TTL_MS, max: MAX_CACHED, bus, observe: (hit) => metrics.cache({ cache: 'record', hit }), from: sources?.ofDatabase });
    bus.subscribe((message) => {
      if (message.topic === 'policy') this.#cache.invalidate(message.tenant, message.version);
    });
  }

  /** How long ago the policy was confirmed, where it serves beyond its time; otherwise 0. */
  staleMs(tenant: string): number {
    return this.#cache.staleMs(tenant);
  }

  /** The tenant's policy, or the default one. Rejects with `unavailable` when the database cannot answer. */
  policyOf(tenant: string): Soon<PolicyRecord> {
    return this.#cache.get(tenant, async () => {
      const stored = await this.#records.get({ tenant });
      return { value: stored?.record ?? defaultPolicy, version: stored?.revision ?? 0 };
    });
  }
}
