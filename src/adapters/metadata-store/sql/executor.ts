import { KeyholdError } from '../../../ports/errors.ts';

/** What columns hold. Integers stay below 2^53; binary parts of records are base64 inside their JSON. */
export type SqlValue = string | number | null;

/** A row as the database gave it; `textOf` and `numberOf` read its columns. */
export type SqlRow = Readonly<Record<string, unknown>>;

/**
 * Runs compiled statements. Each is atomic by itself, and nothing above asks for more (the rule of `Repository`). Errors, as
 * KeyholdError: `unavailable` (cannot answer now; a write may or may not have happened), `corrupt` (the database file is damaged).
 */
export interface SqlExecutor {
  /** Sees everything that was committed when it began. */
  read(sql: string, values: readonly SqlValue[]): Promise<readonly SqlRow[]>;
  /** The rows of RETURNING; the write is durable when the promise resolves. */
  write(sql: string, values: readonly SqlValue[]): Promise<readonly SqlRow[]>;
  /** Takes what is gone out of the database's own logs and free pages. Throws `unavailable` where another program keeps it there; does not wait for that. */
  wipe(): Promise<void>;
  /** Ends after everything that was asked before. */
  close(): Promise<void>;
}

export function textOf(row: SqlRow, column: string): string {
  const value = row[column];
  if (typeof value !== 'string') throw unexpected(column);
  return value;
}

export function numberOf(row: SqlRow, column: string): number {
  const value = row[column];
  if (typeof value !== 'number') throw unexpected(column);
  return value;
}

function unexpected(column: string): KeyholdError {
  return new KeyholdError('corrupt', 'A record of the database cannot be read. Restore the database from a backup.', {
    cause: new Error(`column ${column} holds another type than was written`),
  });
}
