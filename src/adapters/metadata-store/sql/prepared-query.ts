import { type Compilable, type RawBuilder, sql } from 'kysely';
import { KeyholdError } from '../../../ports/errors.ts';
import type { SqlExecutor, SqlRow, SqlValue } from './executor.ts';

/** Stands where a value will be bound, by name. */
class Slot {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }
}

/** A value that is given by this name each time the query runs. */
export function slot(name: string): RawBuilder<SqlValue> {
  return sql<SqlValue>`${new Slot(name)}`;
}

export type SlotValues = Readonly<Record<string, SqlValue>>;

/** A query that was compiled once: running it costs a look-up per value, and its text is the database's key to a prepared statement. */
export class PreparedQuery {
  readonly sql: string;
  readonly #parameters: readonly unknown[];

  constructor(query: Compilable) {
    const compiled = query.compile();
    this.sql = compiled.sql;
    this.#parameters = compiled.parameters;
  }

  read(executor: SqlExecutor, values: SlotValues): Promise<readonly SqlRow[]> {
    return executor.read(this.sql, this.#bind(values));
  }

  write(executor: SqlExecutor, values: SlotValues): Promise<readonly SqlRow[]> {
    return executor.write(this.sql, this.#bind(values));
  }

  #bind(values: SlotValues): readonly SqlValue[] {
    return this.#parameters.map((parameter) => {
      const value = parameter instanceof Slot ? values[parameter.name] : parameter;
      if (typeof value === 'string' || typeof value === 'number' || value === null) return value;
      throw new KeyholdError('internal', 'A database query misses a value.', { cause: new Error(this.sql) });
    });
  }
}
