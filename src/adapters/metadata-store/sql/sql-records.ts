import { type ExpressionBuilder, type SqlBool, type Expression, sql } from 'kysely';
import { KeyholdError } from '../../../ports/errors.ts';
import type { Repository, Stored } from '../../../ports/metadata/stored.ts';
import { requireStorable, StoredText } from '../stored-text.ts';
import type { SqlDialect, SqlTables } from './dialect.ts';
import { numberOf, type SqlExecutor, type SqlRow, textOf } from './executor.ts';
import { PreparedQuery, slot, type SlotValues } from './prepared-query.ts';
import type { RecordTable } from './record-table.ts';

/** The rule of `Repository` in SQL: every write is one statement that changes one row or none. */
export class SqlRecords<K, R extends object> implements Repository<K, R> {
  readonly #executor: SqlExecutor;
  readonly #table: RecordTable<K, R>;
  readonly #text = new StoredText<R>();
  readonly #get: PreparedQuery;
  readonly #create: PreparedQuery;
  readonly #replace: PreparedQuery;
  readonly #remove: PreparedQuery;

  constructor(executor: SqlExecutor, { queries }: SqlDialect, table: RecordTable<K, R>) {
    this.#executor = executor;
    this.#table = table;
    const { name, keyColumns, indexColumns } = table;
    const kept = Object.fromEntries(['body', ...indexColumns].map((column) => [column, slot(column)]));
    const emptied = Object.fromEntries(['body', ...indexColumns].map((column) => [column, null]));
    const isKey = (eb: ExpressionBuilder<SqlTables, string>): Expression<SqlBool> => eb.and(keyColumns.map((column) => eb(column, '=', slot(column))));
    const revisionAfter = sql<number>`${sql.ref(`${name}.revision`)} + 1`;

    this.#get = new PreparedQuery(queries.selectFrom(name).select(['revision', 'body']).where(isKey).where('body', 'is not', null));
    this.#create = new PreparedQuery(
      queries
        .insertInto(name)
        .values({ ...Object.fromEntries(keyColumns.map((column) => [column, slot(column)])), ...kept, revision: 1 })
        .onConflict((conflict) =>
          conflict
            .columns([...keyColumns])
            .doUpdateSet({ ...kept, revision: revisionAfter })
            .where(`${name}.body`, 'is', null),
        )
        .returning('revision'),
    );
    const changed = queries.updateTable(name).where(isKey).where('revision', '=', slot('revision')).where('body', 'is not', null).returning('revision');
    this.#replace = new PreparedQuery(changed.set({ ...kept, revision: revisionAfter }));
    this.#remove = new PreparedQuery(changed.set({ ...emptied, revision: revisionAfter }));
  }

  async get(key: K): Promise<Stored<R> | undefined> {
    const [row] = await this.#get.read(this.#executor, this.#keyOf(key));
    return row === undefined ? undefined : this.stored(row);
  }

  async create(key: K, record: R): Promise<Stored<R>> {
    const body = this.#text.write(record);
    const [row] = await this.#create.write(this.#executor, { ...this.#keyOf(key), ...this.#indexOf(record), body });
    if (row === undefined) throw new KeyholdError('already_exists', 'There is such a record already.');
    return { record: this.#text.read(body), revision: numberOf(row, 'revision') };
  }

  async replace(key: K, record: R, revision: number): Promise<Stored<R>> {
    const body = this.#text.write(record);
    const [row] = await this.#replace.write(this.#executor, { ...this.#keyOf(key), ...this.#indexOf(record), body, revision });
    if (row === undefined) throw changedMeanwhile();
    return { record: this.#text.read(body), revision: numberOf(row, 'revision') };
  }

  async remove(key: K, revision: number): Promise<void> {
    const [row] = await this.#remove.write(this.#executor, { ...this.#keyOf(key), revision });
    if (row === undefined) throw changedMeanwhile();
  }

  /** The record of a row that has `revision` and `body`. */
  protected stored(row: SqlRow): Stored<R> {
    return { record: this.#text.read(textOf(row, 'body')), revision: numberOf(row, 'revision') };
  }

  #keyOf(key: K): SlotValues {
    const values = this.#table.keyOf(key);
    requireStorable(Object.values(values));
    return values;
  }

  #indexOf(record: R): SlotValues {
    return this.#table.indexOf(record);
  }
}

function changedMeanwhile(): KeyholdError {
  return new KeyholdError('conflict', 'The record was changed by someone else in the meantime.');
}
