import { sql, type SqlBool } from 'kysely';
import type { Page, PageRequest, Stored } from '../../../ports/metadata/stored.ts';
import type { UsageBatch, UsageBatchKey, UsageRange, UsageRepository, UsageRollup, UsageRollupKey } from '../../../ports/metadata/usage.ts';
import { BatchText } from '../batch-text.ts';
import { pageFrom, pageStart } from '../paging.ts';
import { requireStorable, StoredText } from '../stored-text.ts';
import { batchTimes } from '../usage-times.ts';
import type { SqlDialect } from './dialect.ts';
import { numberOf, type SqlExecutor, textOf } from './executor.ts';
import { PreparedQuery, slot } from './prepared-query.ts';
import type { RecordTable } from './record-table.ts';
import { SqlList } from './sql-list.ts';
import { SqlRecords } from './sql-records.ts';

export const rollupTable: RecordTable<UsageRollupKey, UsageRollup> = {
  name: 'usage_rollups',
  keyColumns: ['tenant', 'hour', 'journal'],
  keyOf: ({ tenant, hour, journal }) => ({ tenant, hour, journal }),
  indexColumns: [],
  indexOf: () => ({}),
};

/**
 * Usage in SQL. A row of `usage_batches` is one tenant's part of one journal segment: its key, the times of its earliest and latest
 * event, and the whole batch as JSON. It is written once and never changed.
 */
export class SqlUsage implements UsageRepository {
  readonly #executor: SqlExecutor;
  readonly #text = new BatchText();
  readonly #rollups: SqlRecords<UsageRollupKey, UsageRollup>;
  readonly #rollupText = new StoredText<UsageRollup>();
  readonly #rollupList: SqlList;
  readonly #putBatch: PreparedQuery;
  readonly #batch: PreparedQuery;
  readonly #batches: PreparedQuery;

  constructor(executor: SqlExecutor, dialect: SqlDialect) {
    this.#executor = executor;
    this.#rollups = new SqlRecords(executor, dialect, rollupTable);
    this.#rollupList = new SqlList(executor, dialect, {
      name: 'usage-rollups',
      table: rollupTable.name,
      equal: ['tenant'],
      order: [
        { column: 'hour', lowest: Number.MIN_SAFE_INTEGER },
        { column: 'journal', lowest: '' },
      ],
      where: sql<SqlBool>`hour >= ${slot('from')} and hour < ${slot('to')}`,
    });
    const columns = ['tenant', 'journal', 'segment', 'first_time', 'last_time', 'body'];
    this.#putBatch = new PreparedQuery(
      dialect.queries
        .insertInto('usage_batches')
        .values(Object.fromEntries(columns.map((column) => [column, slot(column)])))
        .onConflict((conflict) => conflict.columns(['tenant', 'journal', 'segment']).doNothing()),
    );
    this.#batch = new PreparedQuery(
      dialect.queries.selectFrom('usage_batches').select('body').where('tenant', '=', slot('tenant')).where('journal', '=', slot('journal')).where('segment', '=', slot('segment')),
    );
    this.#batches = new PreparedQuery(
      dialect.queries
        .selectFrom('usage_batches')
        .select(['last_time', 'journal', 'segment', 'body'])
        .where('tenant', '=', slot('tenant'))
        .where('last_time', '>=', slot('from'))
        .where('first_time', '<', slot('to'))
        .where(sql<SqlBool>`(last_time, journal, segment) < (${slot('before')}, ${slot('journal')}, ${slot('segment')})`)
        .orderBy('last_time', 'desc')
        .orderBy('journal', 'desc')
        .orderBy('segment', 'desc')
        .limit(sql<number>`${slot('limit')}`),
    );
  }

  async putBatch(batch: UsageBatch): Promise<void> {
    const { tenant, journal, segment } = batch;
    requireStorable([tenant, journal]);
    await this.#putBatch.write(this.#executor, { tenant, journal, segment, ...batchIndex(batch), body: this.#text.write(batch) });
  }

  async getBatch({ tenant, journal, segment }: UsageBatchKey): Promise<UsageBatch | undefined> {
    requireStorable([tenant, journal]);
    const [row] = await this.#batch.read(this.#executor, { tenant, journal, segment });
    return row === undefined ? undefined : this.#text.read(textOf(row, 'body'));
  }

  async listBatches(tenant: string, { from, to }: UsageRange, page: PageRequest): Promise<Page<UsageBatch>> {
    requireStorable([tenant]);
    const [before = Number.MAX_SAFE_INTEGER, journal = '', segment = 0] = pageStart('usage-batches', ['number', 'string', 'number'], page) ?? [];
    const rows = await this.#batches.read(this.#executor, { tenant, from, to, before, journal, segment, limit: page.limit + 1 });
    const { items, next } = pageFrom('usage-batches', rows, page.limit, (row) => [numberOf(row, 'last_time'), textOf(row, 'journal'), numberOf(row, 'segment')]);
    return { items: items.map((row) => this.#text.read(textOf(row, 'body'))), next };
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
    // Begins the search just before the range, instead of at the tenant's first hour.
    const rows = await this.#rollupList.all({ tenant, from, to }, [from - 1, '']);
    return rows.map((row) => ({
      tenant,
      hour: numberOf(row, 'hour'),
      journal: textOf(row, 'journal'),
      rollup: this.#rollupText.read(textOf(row, 'body')),
    }));
  }
}

/** What lists find a batch by. */
export function batchIndex({ events }: UsageBatch): { readonly first_time: number; readonly last_time: number } {
  const { first, last } = batchTimes(events);
  return { first_time: first, last_time: last };
}
