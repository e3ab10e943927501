import type { Bus } from '../../ports/bus.ts';
import type { Clock } from '../../ports/clock.ts';
import type { CredentialRepository } from '../../ports/metadata/credentials.ts';
import type { Metrics } from '../../ports/metrics.ts';
import { scopeKey, tenantScope } from '../../ports/scope.ts';
import type { Soon } from '../../ports/soon.ts';
import { RecordCache } from '../caching/record-cache.ts';
import { type Catalog, isAiService } from '../catalog/catalog.ts';
import { credentialState } from '../credentials/credential-view.ts';
import type { Sources } from '../outages/sources.ts';

const PAGE = 1_000;
const TTL_MS = 10_000;
const MAX_CACHED = 10_000;

export interface AiCredentialsDependencies {
  readonly records: Pick<CredentialRepository, 'list'>;
  readonly catalog: Catalog;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly metrics: Pick<Metrics, 'cache'>;
  readonly sources?: Sources | undefined;
}

/** The AI services that tenants have active credentials of their own for (R4.3): at most 10 s old, and read again at once when one changes. */
export class AiCredentials {
  readonly #records: AiCredentialsDependencies['records'];
  readonly #catalog: Catalog;
  readonly #clock: Clock;
  readonly #cache: RecordCache<readonly string[]>;

  constructor({ records, catalog, bus, clock, metrics, sources }: AiCredentialsDependencies) {
    this.#records = records;
    this.#catalog = catalog;
    this.#clock = clock;
    this.#cache = new RecordCache({
      clock,
      ttlMs: TTL_MS,
      max: MAX_CACHED,
      bus,
      observe: (hit) => metrics.cache({ cache: 'record', hit }),
      // That there is none is a refusal, which is not told from what may not be so any more.
      outlives: (services) => services.length > 0,
      from: sources?.ofDatabase,
    });
    bus.subscribe((message) => {
      if (message.topic === 'credential') this.#cache.invalidate(message.scopeKey);
    });
  }

  /** Ids of services, each once. Rejects with `unavailable` when the database cannot answer. */
  of(tenant: string): Soon<readonly string[]> {
    // Versions of single records say nothing of a list; a load that an announcement overtakes is repeated.
    return this.#cache.get(scopeKey(tenantScope(tenant)), async () => ({ value: await this.#list(tenant), version: 0 }));
  }

  async #list(tenant: string): Promise<readonly string[]> {
    const services = new Set<string>();
    let after: string | undefined;
    do {
      const page = await this.#records.list(tenantScope(tenant), { limit: PAGE, after });
      for (const { record } of page.items) {
        const service = this.#catalog.find(record.service);
        if (service !== undefined && isAiService(service) && credentialState(record, this.#clock.now()) === 'active') services.add(service.id);
      }
      after = page.next;
    } while (after !== undefined);
    return [...services];
  }
}
