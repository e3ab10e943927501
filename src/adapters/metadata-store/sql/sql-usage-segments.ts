import { sql } from 'kysely';
import { KeyholdError } from '../../../ports/errors.ts';
import type { UsageSegment, UsageSegmentKey, UsageSegmentRepository } from '../../../ports/metadata/usage-segments.ts';
import { requireStorable, StoredText } from '../stored-text.ts';
import type { SqlDialect } from './dialect.ts';
import { numberOf, type SqlExecutor, textOf } from './executor.ts';
import { PreparedQuery, slot } from './prepared-query.ts';

/** Journals in SQL. A row is written once and deleted; `is_open` is 1, or NULL for what ended its journal, so that those are passed over by an index. */
export class SqlUsageSegments implements UsageSegmentRepository {
  readonly #executor: SqlExecutor;
  readonly #text = new StoredText<UsageSegment>();
  readonly #create: PreparedQuery;
  readonly #list: PreparedQuery;
  readonly #removeBelow: PreparedQuery;
  readonly #unfinished: PreparedQuery;

  constructor(executor: SqlExecutor, { queries }: SqlDialect) {
    this.#executor = executor;
    const columns = ['journal', 'segment', 'is_open', 'body'];
    this.#create = new PreparedQuery(
      queries
        .insertInto('usage_segments')
        .values(Object.fromEntries(columns.map((column) => [column, slot(column)])))
        .onConflict((conflict) => conflict.columns(['journal', 'segment']).doNothing())
        .returning('segment'),
    );
    this.#list = new PreparedQuery(
      queries
        .selectFrom('usage_segments')
        .select(['journal', 'segment', 'body'])
        .where('journal', '=', slot('journal'))
        .where('segment', '>', slot('after'))
        .orderBy('segment')
        .limit(sql<number>`${slot('limit')}`),
    );
    this.#removeBelow = new PreparedQuery(queries.deleteFrom('usage_segments').where('journal', '=', slot('journal')).where('segment', '<', slot('segment')));
    this.#unfinished = new PreparedQuery(
      queries
        .selectFrom('usage_segments')
        .select(['journal', sql<number>`max(segment)`.as('segment')])
        .where('is_open', 'is not', null)
        .groupBy('journal'),
    );
  }

  async create({ journal, segment }: UsageSegmentKey, content: UsageSegment): Promise<void> {
    requireStorable([journal]);
    const rows = await this.#create.write(this.#executor, { journal, segment, ...segmentIndex(content), body: this.#text.write(content) });
    if (rows.length === 0) throw new KeyholdError('already_exists', 'There is such a segment already.');
  }

  async list(journal: string, after: number, limit: number): Promise<readonly (UsageSegmentKey & { readonly content: UsageSegment })[]> {
    requireStorable([journal]);
    const rows = await this.#list.read(this.#executor, { journal, after, limit });
    return rows.map((row) => ({ journal: textOf(row, 'journal'), segment: numberOf(row, 'segment'), content: this.#text.read(textOf(row, 'body')) }));
  }

  async removeBelow({ journal, segment }: UsageSegmentKey): Promise<void> {
    requireStorable([journal]);
    await this.#removeBelow.write(this.#executor, { journal, segment });
  }

  async unfinished(): Promise<readonly UsageSegmentKey[]> {
    const rows = await this.#unfinished.read(this.#executor, {});
    return rows.map((row) => ({ journal: textOf(row, 'journal'), segment: numberOf(row, 'segment') }));
  }
}

/** By what unfinished journals are found. */
export function segmentIndex({ kind }: UsageSegment): { readonly is_open: number | null } {
  return { is_open: kind === 'end' ? null : 1 };
}
