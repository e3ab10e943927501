import { type RawBuilder, type SqlBool, sql } from 'kysely';
import type { Page, PageRequest } from '../../../ports/metadata/stored.ts';
import { pageFrom, pageStart, type Place } from '../paging.ts';
import { requireStorable } from '../stored-text.ts';
import type { SqlDialect } from './dialect.ts';
import { numberOf, type SqlExecutor, type SqlRow, type SqlValue, textOf } from './executor.ts';
import { PreparedQuery, slot, type SlotValues } from './prepared-query.ts';

interface OrderColumn {
  readonly column: string;
  /** Stands before everything that is kept, so that the first page is the same statement as the others. */
  readonly lowest: string | number;
}

export interface SqlListOptions {
  readonly name: string;
  readonly table: string;
  /** Columns whose value the caller gives. */
  readonly equal: readonly string[];
  /** Ascending and together unique among what the list holds; an index begins with `equal` and goes on with these. */
  readonly order: readonly OrderColumn[];
  /** A further condition, with slots of its own. */
  readonly where?: RawBuilder<SqlBool>;
}

/** A list in a table's order, as pages or whole: each page is one search in an index that begins where the page before ended. */
export class SqlList {
  readonly #executor: SqlExecutor;
  readonly #options: SqlListOptions;
  readonly #page: PreparedQuery;

  constructor(executor: SqlExecutor, { queries }: SqlDialect, options: SqlListOptions) {
    this.#executor = executor;
    this.#options = options;
    const columns = options.order.map(({ column }) => column);
    const beyond = sql<SqlBool>`(${sql.join(columns.map((column) => sql.ref(column)))}) > (${sql.join(columns.map((column) => slot(`after_${column}`)))})`;
    let query = queries
      .selectFrom(options.table)
      .select([...columns, 'revision', 'body'])
      .where((eb) => eb.and(options.equal.map((column) => eb(column, '=', slot(column)))))
      .where(beyond)
      .where('body', 'is not', null)
      .limit(sql<number>`${slot('limit')}`);
    if (options.where !== undefined) query = query.where(options.where);
    for (const column of columns) query = query.orderBy(column);
    this.#page = new PreparedQuery(query);
  }

  async page(values: SlotValues, page: PageRequest): Promise<Page<SqlRow>> {
    const { name, order } = this.#options;
    const start = pageStart(name, order.map(({ lowest }) => (typeof lowest === 'string' ? 'string' : 'number')), page);
    const found = await this.#rowsAfter(values, start, page.limit + 1);
    return pageFrom(name, found, page.limit, (row) => this.#placeOf(row));
  }

  /**
   * Everything (beyond `start`), fetched in pieces so that a long list neither makes one huge message nor holds others up.
   */
  async all(values: SlotValues, start?: Place): Promise<readonly SqlRow[]> {
    const PIECE = 500;
    const rows: SqlRow[] = [];
    let piece = await this.#rowsAfter(values, start, PIECE);
    rows.push(...piece);
    for (let last = piece.at(-1); piece.length === PIECE && last !== undefined; last = piece.at(-1)) {
      piece = await this.#rowsAfter(values, this.#placeOf(last), PIECE);
      rows.push(...piece);
    }
    return rows;
  }

  #rowsAfter(values: SlotValues, start: Place | undefined, limit: number): Promise<readonly SqlRow[]> {
    requireStorable(Object.values(values));
    const after: Record<string, SqlValue> = {};
    for (const [index, { column, lowest }] of this.#options.order.entries()) after[`after_${column}`] = start?.[index] ?? lowest;
    return this.#page.read(this.#executor, { ...values, ...after, limit });
  }

  #placeOf(row: SqlRow): Place {
    return this.#options.order.map(({ column, lowest }) => (typeof lowest === 'string' ? textOf(row, column) : numberOf(row, column)));
  }
}
