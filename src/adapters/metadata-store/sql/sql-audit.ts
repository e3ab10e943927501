import { type Compilable, type RawBuilder, sql, type SqlBool } from 'kysely';
import { KeyholdError } from '../../../ports/errors.ts';
import type { AuditFilter, AuditLeaf, AuditRepository, AuditRow, AuditTreeName, PlacedAuditRow } from '../../../ports/metadata/audit.ts';
import type { Page, PageRequest } from '../../../ports/metadata/stored.ts';
import { requireFindable } from '../audit-filter.ts';
import { pageFrom, pageStart } from '../paging.ts';
import { requireStorable, StoredText } from '../stored-text.ts';
import type { SqlDialect } from './dialect.ts';
import { numberOf, type SqlExecutor, type SqlRow, type SqlValue, textOf } from './executor.ts';
import { PreparedQuery, slot } from './prepared-query.ts';

/**
 * The audit log in SQL. A row of `audit_rows` is its position, what filters search by, the whole row as JSON, and its nodes of both trees
 * (`nodes`, `tenant_nodes`: base64, a space between two); rows are only ever added. Times do not follow positions exactly, since replicas' clocks differ and may jump, so that two columns make a time range a
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
  readonly #find: PreparedQuery;
  readonly #tenantSize: PreparedQuery;
  readonly #trees: Readonly<Record<'log' | 'tenant', TreeQueries>>;

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
    this.#find = new PreparedQuery(queries.selectFrom('audit_rows').select(['position', 'tenant_index', 'body']).where('id', '=', slot('id')).orderBy('position').limit(1));
    this.#tenantSize = new PreparedQuery(
      queries.selectFrom('audit_rows').select('tenant_index').where('tenant', '=', slot('tenant')).where('position', '<', slot('position')).orderBy('position', 'desc').limit(1),
    );
    this.#trees = { log: treeQueries(dialect, 'position', 'nodes'), tenant: treeQueries(dialect, 'tenant_index', 'tenant_nodes') };
  }

  async size(): Promise<number> {
    const [row] = await this.#size.read(this.#executor, {});
    return row === undefined ? 0 : numberOf(row, 'size');
  }

  async append(position: number, leaves: readonly AuditLeaf[]): Promise<void> {
    if (leaves.length === 0) {
      if ((await this.size()) !== position) throw grown();
      return;
    }
    requireFindable(leaves);
    let high = 0;
    const entries = leaves.map(({ row, nodes, ofTenant }, offset) => {
      high = Math.max(high, row.time);
      return [offset, row.time, high, row.id, row.tenant, ofTenant?.index ?? null, row.action, row.actor.id, this.#text.write(row), nodes.join(' '), ofTenant?.nodes.join(' ') ?? null];
    });
    const placed = await this.#append.write(this.#executor, { position, rows: JSON.stringify(entries) });
    if (placed.length === 0) throw grown();
  }

  async list(filter: AuditFilter, page: PageRequest): Promise<Page<AuditRow & { readonly position: number }>> {
    const { tenant, action, actor, from, to } = filter;
    requireStorable([tenant ?? null, action ?? null, actor ?? null]);
    const list = tenant === undefined ? 'audit' : 'tenant-audit';
    const before = await this.#positionBefore(tenant, pageStart(list, ['number'], page)?.[0]);
    const bounds = await this.#positionsOf(filter);
    if (bounds === undefined) return { items: [], next: undefined };
    let query = this.#dialect.queries
      .selectFrom('audit_rows')
      .select(['position', 'tenant_index', 'body'])
      .where('position', '>=', bounds.lowest)
      .where('position', '<=', Math.min(bounds.highest, before - 1));
    if (tenant !== undefined) query = query.where('tenant', '=', tenant);
    if (action !== undefined) query = query.where('action', '=', action);
    if (actor !== undefined) query = query.where('actor', '=', actor);
    if (from !== undefined) query = query.where('time', '>=', from);
    if (to !== undefined) query = query.where('time', '<', to);
    const rows = await new PreparedQuery(query.orderBy('position', 'desc').limit(page.limit + 1)).read(this.#executor, {});
    const place = (row: SqlRow): number => numberOf(row, tenant === undefined ? 'position' : 'tenant_index');
    const { items, next } = pageFrom(list, rows, page.limit, (row) => [place(row)]);
    return { items: items.map((row) => ({ ...this.#rowOf(row), position: numberOf(row, 'position') })), next };
  }

  async read(tree: AuditTreeName, index: number, limit: number): Promise<readonly AuditRow[]> {
    requireStorable([tree]);
    const rows = await this.#queriesOf(tree).read.read(this.#executor, { tree, index, limit });
    return rows.map((row) => this.#rowOf(row));
  }

  async nodes(tree: AuditTreeName, indexes: readonly number[]): Promise<ReadonlyMap<number, readonly string[]>> {
    requireStorable([tree]);
    const rows = await this.#queriesOf(tree).nodes.read(this.#executor, { tree, indexes: JSON.stringify(indexes) });
    return new Map(rows.map((row) => [numberOf(row, 'leaf'), textOf(row, 'nodes').split(' ')]));
  }

  async tenantSize(tenant: string, position: number): Promise<number> {
    requireStorable([tenant]);
    const [row] = await this.#tenantSize.read(this.#executor, { tenant, position });
    return row === undefined ? 0 : numberOf(row, 'tenant_index') + 1;
  }

  async find(id: string): Promise<PlacedAuditRow | undefined> {
    requireStorable([id]);
    const [row] = await this.#find.read(this.#executor, { id });
    if (row === undefined) return undefined;
    return { row: this.#rowOf(row), position: numberOf(row, 'position'), tenantIndex: row['tenant_index'] === null ? null : numberOf(row, 'tenant_index') };
  }

  #rowOf(row: SqlRow): AuditRow {
    return this.#text.read(textOf(row, 'body'));
  }

  #queriesOf(tree: AuditTreeName): TreeQueries {
    return tree === null ? this.#trees.log : this.#trees.tenant;
  }

  /** The position that a page ends before, from the place in its list that its cursor names. */
  async #positionBefore(tenant: string | undefined, place: string | number | undefined): Promise<number> {
    if (place === undefined) return Number.MAX_SAFE_INTEGER;
    if (tenant === undefined) return Number(place);
    const [row] = await this.#trees.tenant.position.read(this.#executor, { tree: tenant, index: Number(place) });
    return row === undefined ? 0 : numberOf(row, 'position');
  }

  /** Positions outside of which no row is of the filter's time; undefined when there are none inside either. */
  async #positionsOf({ from, to }: AuditFilter): Promise<{ readonly lowest: number; readonly highest: number } | undefined> {
    if (from === undefined && to === undefined) return { lowest: 0, highest: Number.MAX_SAFE_INTEGER };
    const [row] = await this.#bounds.read(this.#executor, { from: from ?? 0, to: to ?? Number.MAX_SAFE_INTEGER });
    if (row === undefined || row['lowest'] === null || row['highest'] === null) return undefined;
    return { lowest: numberOf(row, 'lowest'), highest: numberOf(row, 'highest') };
  }
}

/** What is asked of one of the two trees: a row's place in it is in the column `index`. */
interface TreeQueries {
  readonly read: PreparedQuery;
  readonly nodes: PreparedQuery;
  readonly position: PreparedQuery;
}

function treeQueries({ queries, jsonRows }: SqlDialect, index: 'position' | 'tenant_index', nodes: 'nodes' | 'tenant_nodes'): TreeQueries {
  const rows = index === 'position' ? queries.selectFrom('audit_rows') : queries.selectFrom('audit_rows').where('tenant', '=', slot('tree'));
  const wanted = sql<number>`(select cast(entry.value as bigint) from ${jsonRows(slot('indexes'))} as entry)`;
  return {
    read: new PreparedQuery(rows.select('body').where(index, '>=', slot('index')).orderBy(index).limit(sql<number>`${slot('limit')}`)),
    nodes: new PreparedQuery(rows.select([`${index} as leaf`, `${nodes} as nodes`]).where(index, 'in', wanted)),
    position: new PreparedQuery(rows.select('position').where(index, '=', slot('index'))),
  };
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
  const columns = ['position', 'time', 'high_time', 'late', 'id', 'tenant', 'tenant_index', 'action', 'actor', 'body', 'nodes', 'tenant_nodes'];
  return queries
    .with('last', (with_) =>
      with_.selectNoFrom(sql<number>`coalesce((select high_time from audit_rows where position = cast(${slot('position')} as bigint) - 1), 0)`.as('high')),
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
          text(3).as('id'),
          text(4).as('tenant'),
          integer(5).as('tenant_index'),
          text(6).as('action'),
          text(7).as('actor'),
          text(8).as('body'),
          text(9).as('nodes'),
          text(10).as('tenant_nodes'),
        ])
        .where(sql<SqlBool>`${slot('position')} = (select coalesce(max(position) + 1, 0) from audit_rows)`),
    )
    .returning('position');
}

function grown(): KeyholdError {
  return new KeyholdError('conflict', 'The audit log has grown in the meantime.');
}
