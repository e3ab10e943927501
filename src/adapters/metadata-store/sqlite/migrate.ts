import type { DatabaseSync } from 'node:sqlite';
import { NewerDatabaseError } from '../newer-database.ts';
import type { Migration } from './migrations/migration.ts';

/** The file is a database of some other program. */
export class ForeignDatabaseError extends Error {
  constructor() {
    super('a database without a schema version, but with tables');
    this.name = 'ForeignDatabaseError';
  }
}

const SCHEMA_TABLE = 'CREATE TABLE IF NOT EXISTS schema (version INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL, applied_at INTEGER NOT NULL) STRICT';

/** The version of a database that `migrate` may touch. Throws `NewerDatabaseError` or `ForeignDatabaseError` for any other; changes nothing. */
export function requireOurs(database: DatabaseSync, migrations: readonly Migration[]): number {
  const known = migrations.at(-1)?.version ?? 0;
  const found = versionOf(database);
  if (found > known) throw new NewerDatabaseError(found, known);
  return found;
}

/**
 * Brings a database to the last migration's version; several processes may do so at once. Each step is one transaction with its row in `schema`, so that a
 * crash between two of them leaves a database of the version in between. Throws as `requireOurs` does.
 */
export function migrate(database: DatabaseSync, migrations: readonly Migration[], now: number): void {
  const found = requireOurs(database, migrations);
  for (const { version, name, sql, run } of migrations.filter((step) => step.version > found)) {
    database.exec('BEGIN IMMEDIATE');
    try {
      // Another process may have run it while this one waited for its turn.
      if (version > requireOurs(database, migrations)) {
        database.exec(SCHEMA_TABLE);
        database.exec(sql);
        run?.(database);
        database.prepare('INSERT INTO schema (version, name, applied_at) VALUES (?, ?, ?)').run(version, name, now);
      }
      database.exec('COMMIT');
    } catch (error) {
      if (database.isTransaction) database.exec('ROLLBACK');
      throw error;
    }
  }
}

/** The highest step that has run; 0 for a database that is new. */
function versionOf(database: DatabaseSync): number {
  const tables = database.prepare("SELECT count(*) AS tables, count(*) FILTER (WHERE name = 'schema') AS versioned FROM sqlite_schema WHERE type = 'table'").get();
  if (tables?.['versioned'] === 0 && tables['tables'] !== 0) throw new ForeignDatabaseError();
  if (tables?.['versioned'] === 0) return 0;
  return Number(database.prepare('SELECT max(version) AS version FROM schema').get()?.['version'] ?? 0);
}
