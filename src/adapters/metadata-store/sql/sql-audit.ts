import { type Compilable, type RawBuilder, sql, type SqlBool } from 'kysely';
import { KeyholdError } from '../../../ports/errors.ts';
import type { AuditFilter, AuditRepository, AuditRow } from '../../../ports/metadata/audit.ts';
import type { Page, PageRequest } from '../../../ports/metadata/stored.ts';
import { pageFrom, pageStart } from '../paging.ts';
import { requireStorable, StoredText } from '../stored-text.ts';
import type { SqlDialect } from './dialect.ts';
import { numberOf, type SqlExecutor, type SqlValue, textOf } from './executor.ts';
import { PreparedQuery, slot } from './prepared-query.ts';

/**
 * The audit log in SQL. A row of `audit_rows` is its position, what filters search by, and the whole row as JSON; rows are only ever
 * added. Times do not follow positions exactly, since replicas' clocks differ and may jump, so that two columns make a time range a
 * position range all the same: `high_time` is the latest time of all rows up to this one, which only grows, and `late` is how far
 * this row's own time stays behind it.
 */
export class SqlAudit implements AuditRepository {
  readonly #executor: SqlExecutor;
  readonly #dialect: SqlDialect;
  readonly #text = new StoredText<AuditRow>();
  readonly #size: PreparedQuery;
  readonly #append: PreparedQuery;
  readonly #bounds: PreparedQuery;

  constructor(executor: SqlExecutor, dialect: SqlDialect) {
    this.#executor = executor;
    this.#dialect = dialect;
    const { queries } = dialect;
    const size = queries.selectFrom('audit_rows').select(sql<number>`coalesce(max(position) + 1, 0)`.as('size'));
    this.#size = new PreparedQuery(size);
    this.#append = new PreparedQuery(appendQuery(dialect));
    const late = sql`(select coalesce(max(late), 0) from audit_rows where late > 0)`;
    this.#bounds = new PreparedQuery(
      queries.selectNoFrom([
        sql<SqlValue>`(select position from audit_rows where high_time >= ${slot('from')} order by high_time, position limit 1)`.as('lowest'),
        sql<SqlValue>`(select position from audit_rows where high_time < ${slot('to')} + ${late} order by high_time desc, position desc limit 1)`.as('highest'),
      ]),
    );
  }

  async size(): Promise<number> {
    const [row] = await this.#size.read(this.#executor, {});
    return row === undefined ? 0 : numberOf(row, 'size');
  }

  async append(position: number, rows: readonly AuditRow[]): Promise<void> {
    if (rows.length === 0) {
      if ((await this.size()) !== position) throw grown();
      return;
    }
    let high = 0;
    const entries = rows.map((row, offset) => {
      high = Math.max(high, row.time);
      return [offset, row.time, high, row.tenant, row.action, row.actor.id, this.#text.write(row)];
    });
    const placed = await this.#append.write(this.#executor, { position, rows: JSON.stringify(entries) });
    if (placed.length === 0) throw grown();
  }

  async list(filter: AuditFilter, page: PageRequest): Promise<Page<AuditRow & { readonly position: number }>> {
    const { tenant, action, actor, from, to } = filter;
    requireStorable([tenant ?? null, action ?? null, actor ?? null]);
    const [before] = pageStart('audit', ['number'], page) ?? [Number.MAX_SAFE_INTEGER];
    const bounds = await this.#positionsOf(filter);
    if (bounds === undefined) return { items: [], next: undefined };
    let query = this.#dialect.queries
      .selectFrom('audit_rows')
      .select(['position', 'body'])
      .where('position', '>=', bounds.lowest)
      .where('position', '<=', Math.min(bounds.highest, Number(before) - 1));
    if (tenant !== undefined) query = query.where('tenant', '=', tenant);
    if (action !== undefined) query = query.where('action', '=', action);
    if (actor !== undefined) query = query.where('actor', '=', actor);
    if (from !== undefined) query = query.where('time', '>=', from);
    if (to !== undefined) query = query.where('time', '<', to);
    const rows = await new PreparedQuery(query.orderBy('position', 'desc').limit(page.limit + 1)).read(this.#executor, {});
    const found = rows.map((row) => ({ ...this.#text.read(textOf(row, 'body')), position: numberOf(row, 'position') }));
    return pageFrom('audit', found, page.limit, (row) => [row.position]);
  }

  /** Positions outside of which no row is of the filter's time; undefined when there are none inside either. */
  async #positionsOf({ from, to }: AuditFilter): Promise<{ readonly lowest: number; readonly highest: number } | undefined> {
    if (from === undefined && to === undefined) return { lowest: 0, highest: Number.MAX_SAFE_INTEGER };
    const [row] = await this.#bounds.read(this.#executor, { from: from ?? 0, to: to ?? Number.MAX_SAFE_INTEGER });
    if (row === undefined || row['lowest'] === null || row['highest'] === null) return undefined;
    return { lowest: numberOf(row, 'lowest'), highest: numberOf(row, 'highest') };
  }
}

/**
 * Places a batch if the log still ends before it, in one statement: the condition decides for all rows alike, and where two writers
 * see the same end at once, the second one's positions are taken.
 */
function appendQuery({ queries, jsonRows }: SqlDialect): Compilable {
  const integer = (index: number): RawBuilder<number> => sql<number>`cast(entry.value ->> ${sql.lit(index)} as bigint)`;
  const text = (index: number): RawBuilder<string> => sql<string>`entry.value ->> ${sql.lit(index)}`;
  const [offset, time, batchHigh] = [integer(0), integer(1), integer(2)];
  const high = sql<number>`case when last.high > ${batchHigh} then last.high else ${batchHigh} end`;
  const columns = ['position', 'time', 'high_time', 'late', 'tenant', 'action', 'actor', 'body'];
  return queries
    .with('last', (with_) =>
      with_.selectNoFrom(sql<number>`coalesce((select high_time from audit_rows where position = ${slot('position')} - 1), 0)`.as('high')),
    )
    .insertInto('audit_rows')
    .columns(columns)
    .expression((eb) =>
      eb
        .selectFrom([sql<object>`${jsonRows(slot('rows'))}`.as('entry'), 'last'])
        .select([
          sql<number>`${slot('position')} + ${offset}`.as('position'),
          time.as('time'),
          high.as('high_time'),
          sql<number>`${high} - ${time}`.as('late'),
          text(3).as('tenant'),
          text(4).as('action'),
          text(5).as('actor'),
          text(6).as('body'),
        ])
        .where(sql<SqlBool>`${slot('position')} = (select coalesce(max(position) + 1, 0) from audit_rows)`),
    )
    .returning('position');
}

function grown(): KeyholdError {
  return new KeyholdError('conflict', 'The audit log has grown in the meantime.');
}
