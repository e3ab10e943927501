import type { Page, PageRequest, Stored } from '../../../ports/metadata/stored.ts';
import type { UsageBatch, UsageBatchKey, UsageRange, UsageRepository, UsageRollup, UsageRollupKey } from '../../../ports/metadata/usage.ts';
import { BatchText } from '../batch-text.ts';
import { StoredText } from '../stored-text.ts';
import { batchTimes } from '../usage-times.ts';
import type { CosmosItems } from './cosmos-items.ts';
import { CosmosList, partsOf } from './cosmos-list.ts';
import { CosmosRecords } from './cosmos-records.ts';
import { type KeptItem, unreadable } from './item.ts';
import { orderedText } from './ordered-text.ts';
import { itemPlace, partitionKey, type RecordKind } from './record-place.ts';

export const BATCH = 'usage-batch';
/** A partition holds 20 GB at most; a segment of a journal is about 1 MB. */
const SEGMENTS_IN_PARTITION = 4_096;

/** A tenant's sums are together: a year has 8,760 hours, for each journal about 2 KB. */
export const rollups: RecordKind<UsageRollupKey, UsageRollup> = {
  kind: 'usage-rollup',
  partsOf: ({ tenant, hour, journal }) => [tenant, hour, journal],
  partitionOf: ({ tenant }) => ['usage-rollups', tenant],
  orderOf: ({ hour, journal }) => [hour, journal],
};

/** Usage in Cosmos DB. A batch is created once and never changed. Sums are added up by who reads them, so that nothing is asked to group. */
export class CosmosUsage implements UsageRepository {
  readonly #items: CosmosItems;
  readonly #text = new BatchText();
  readonly #rollupText = new StoredText<UsageRollup>();
  readonly #rollups: CosmosRecords<UsageRollupKey, UsageRollup>;
  readonly #rollupList: CosmosList;
  readonly #batches: CosmosList;

  constructor(items: CosmosItems) {
    this.#items = items;
    this.#rollups = new CosmosRecords(items, rollups);
    this.#rollupList = new CosmosList(items, { name: 'usage-rollups', kind: rollups.kind, shape: ['number', 'string'], placeOf: (item) => partsOf(item).slice(1) });
    this.#batches = new CosmosList(items, {
      name: 'usage-batches',
      kind: BATCH,
      shape: ['number', 'string', 'number'],
      placeOf: (item) => this.#batchPlace(item),
      where: ['c.owner = @tenant', 'c.first < @to'],
      newestFirst: true,
    });
  }

  async putBatch(batch: UsageBatch): Promise<void> {
    await this.#put(batch, this.#text.write(batch));
  }

  /** A batch in the words in which another database has it. Throws as `putBatch`, and `corrupt`. */
  async keepBatch(body: string): Promise<void> {
    await this.#put(this.#text.read(body), body);
  }

  async #put(batch: UsageBatch, body: string): Promise<void> {
    const { tenant, journal, segment, events } = batch;
    const { pk, id, key } = placeOf(batch);
    const { first, last } = batchTimes(events);
    const index = { sort: orderedText([BATCH, last, journal, segment]), owner: tenant, first };
    // Refused: it is there already.
    await this.#items.create({ pk, id, key, kind: BATCH, revision: 1, body, removed: false, index });
  }

  async getBatch(key: UsageBatchKey): Promise<UsageBatch | undefined> {
    const { pk, id } = placeOf(key);
    const item = await this.#items.read(pk, id);
    return item === undefined ? undefined : this.#batch(item);
  }

  async listBatches(tenant: string, { from, to }: UsageRange, page: PageRequest): Promise<Page<UsageBatch>> {
    const { items, next } = await this.#batches.page({ given: { tenant, to }, from: [from] }, page);
    return { items: items.map((item) => this.#batch(item)), next };
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

  async listRollups(tenant: string, { from, to }: UsageRange): Promise<readonly (UsageRollupKey & { readonly rollup: UsageRollup })[]> {
    const items = await this.#rollupList.all({ pk: partitionKey(['usage-rollups', tenant]), from: [from], to: [to - 1] });
    return items.map((item) => {
      const [, hour, journal] = partsOf(item);
      if (typeof hour !== 'number' || item.body === null) throw unreadable('it is no roll-up');
      return { tenant, hour, journal: String(journal), rollup: this.#rollupText.read(item.body) };
    });
  }

  #batch(item: KeptItem): UsageBatch {
    if (item.body === null) throw unreadable('it has no body');
    return this.#text.read(item.body);
  }

  #batchPlace(item: KeptItem): readonly (string | number)[] {
    const { journal, segment, events } = this.#batch(item);
    return [batchTimes(events).last, journal, segment];
  }
}

function placeOf({ tenant, journal, segment }: UsageBatchKey): ReturnType<typeof itemPlace> {
  return itemPlace(BATCH, ['usage', tenant, journal, Math.floor(segment / SEGMENTS_IN_PARTITION)], [tenant, journal, segment]);
}
