import type { SqlValue } from './executor.ts';

type Columns = Readonly<Record<string, SqlValue>>;

/**
 * How one kind of record is kept: its key in columns of their own, what lists search by in index columns, `revision`, and the whole
 * record as JSON in `body`. A removed record leaves its key and revision with an empty body and empty index columns, so that
 * revisions go on when the key is used again and a stale writer can never meet its old number.
 */
export interface RecordTable<K, R> {
  readonly name: string;
  readonly keyColumns: readonly string[];
  /** A value for each key column. */
  readonly keyOf: (key: K) => Columns;
  readonly indexColumns: readonly string[];
  /** A value for each index column. */
  readonly indexOf: (record: R) => Columns;
}
