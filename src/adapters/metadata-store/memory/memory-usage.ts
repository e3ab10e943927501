import { KeyholdError } from '../../../ports/errors.ts';
import type { Page, PageRequest, Stored } from '../../../ports/metadata/stored.ts';
import type { UsageBatch, UsageBatchKey, UsageRange, UsageRepository, UsageRollup, UsageRollupKey } from '../../../ports/metadata/usage.ts';
import { batchTimes } from '../usage-times.ts';
import { type ListOf, RecordMap } from './record-map.ts';

/** Usage in memory. */
export class MemoryUsage implements UsageRepository {
  readonly #batches = new RecordMap<UsageBatchKey, UsageBatch>(({ tenant, journal, segment }) => [tenant, journal, segment]);
  readonly #rollups = new RecordMap<UsageRollupKey, UsageRollup>(({ tenant, hour, journal }) => [tenant, hour, journal]);

  async putBatch(batch: UsageBatch): Promise<void> {
    const { tenant, journal, segment } = batch;
    try {
      await this.#batches.create({ tenant, journal, segment }, batch);
    } catch (error) {
      if (!(error instanceof KeyholdError && error.code === 'already_exists')) throw error;
    }
  }

  async getBatch(key: UsageBatchKey): Promise<UsageBatch | undefined> {
    return (await this.#batches.get(key))?.record;
  }

  async listBatches(tenant: string, range: UsageRange, page: PageRequest): Promise<Page<UsageBatch>> {
    const list: ListOf<UsageBatchKey, UsageBatch> = {
      name: 'usage-batches',
      shape: ['number', 'string', 'number'],
      placeOf: ({ key, record }) => [batchTimes(record.events).last, key.journal, key.segment],
      given: [tenant],
      holds: ({ key, record }) => {
        const { first, last } = batchTimes(record.events);
        return key.tenant === tenant && last >= range.from && first < range.to;
      },
      newestFirst: true,
    };
    const { items, next } = this.#batches.page(list, page);
    return { items: items.map(({ record }) => record), next };
  }

  async getRollup(key: UsageRollupKey): Promise<Stored<UsageRollup> | undefined> {
    return this.#rollups.get(key);
  }

  async createRollup(key: UsageRollupKey, rollup: UsageRollup): Promise<void> {
    await this.#rollups.create(key, rollup);
  }

  async replaceRollup(key: UsageRollupKey, rollup: UsageRollup, revision: number): Promise<void> {
    await this.#rollups.replace(key, rollup, revision);
  }

  async listRollups(tenant: string, range: UsageRange): Promise<readonly (UsageRollupKey & { readonly rollup: UsageRollup })[]> {
    const entries = this.#rollups.all({
      placeOf: ({ key }) => [key.hour, key.journal],
      given: [tenant],
      holds: ({ key }) => key.tenant === tenant && key.hour >= range.from && key.hour < range.to,
    });
    return entries.map(({ key, record }) => ({ ...key, rollup: record }));
  }
}
