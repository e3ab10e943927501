import type { DatabaseSync } from 'node:sqlite';

/** One step of the schema. Once released it never changes; what comes after it is the next number. */
export interface Migration {
  /** Counts up from 1 without gaps. */
  readonly version: number;
  readonly name: string;
  /** Runs in one transaction with the note that it has run. */
  readonly sql: string;
  /** What SQL alone cannot: runs after `sql`, in the same transaction. */
  readonly run?: (database: DatabaseSync) => void;
}
