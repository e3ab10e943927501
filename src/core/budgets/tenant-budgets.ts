import type { Bus } from '../../ports/bus.ts';
import type { Clock } from '../../ports/clock.ts';
import type { TenantBudgetsRecord, TenantBudgetsRepository } from '../../ports/metadata/budgets.ts';
import type { Metrics } from '../../ports/metrics.ts';
import type { Soon } from '../../ports/soon.ts';
import { RecordCache } from '../caching/record-cache.ts';
import type { Sources } from '../outages/sources.ts';

const TTL_MS = 10_000;
const MAX_CACHED = 10_000;

export const noBudgets: TenantBudgetsRecord = Object.freeze({ own: Object.freeze([]), platform: Object.freeze([]) });

export interface TenantBudgetsDependencies {
  readonly tenantBudgets: TenantBudgetsRepository;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly metrics: Pick<Metrics, 'cache'>;
  readonly sources?: Sources | undefined;
}

/** Tenants' budgets as every request needs them: at most 10 s old, and read again at once when they change. */
export class TenantBudgets {
  readonly #records: TenantBudgetsRepository;
  readonly #cache: RecordCache<TenantBudgetsRecord>;

  constructor({ tenantBudgets, bus, clock, metrics, sources }: TenantBudgetsDependencies) {
    this.#records = tenantBudgets;
    this.#cache = new RecordCache({ clock, ttlMs: TTL_MS, max: MAX_CACHED, bus, observe: (hit) => metrics.cache({ cache: 'record', hit }), from: sources?.ofDatabase });
    bus.subscribe((message) => {
      if (message.topic === 'budgets') this.#cache.invalidate(message.tenant, message.version);
    });
  }

  /** The tenant's budgets in both layers. Rejects with `unavailable` when the database cannot answer. */
  of(tenant: string): Soon<TenantBudgetsRecord> {
    return this.#cache.get(tenant, async () => {
      const stored = await this.#records.get({ tenant });
      return { value: stored?.record ?? noBudgets, version: stored?.revision ?? 0 };
    });
  }
}
