import type { Client } from 'pg';
import { NewerDatabaseError } from '../newer-database.ts';
import type { PostgresMigration } from './migrations/migration.ts';
import { SCHEMA } from './postgres-server.ts';

/** Whoever migrates holds it, so that of several processes that start at once one does and the others find it done. A number of ours. */
export const MIGRATION_LOCK = 0x6b65_7968;
/** Named in full, so that a schema that is there and not ours to use is told from none. */
const TABLE = `${SCHEMA}.schema`;

/**
 * Brings the database to the last migration's version, all steps in one transaction: a process that dies meanwhile leaves the version of before. Throws
 * `NewerDatabaseError`, and what the server says.
 */
export async function migrate(client: Client, migrations: readonly PostgresMigration[], now: number): Promise<void> {
  const known = migrations.at(-1)?.version ?? 0;
  // Most starts end here, and need no more than to read.
  if ((await versionOf(client, known)) === known) return;
  await client.query('BEGIN');
  try {
    await client.query('SELECT pg_advisory_xact_lock($1)', [MIGRATION_LOCK]);
    const found = await versionOf(client, known);
    if (found === 0) {
      // A schema that exists may be somebody's who may not make one, so it is not asked for again.
      if (!(await exists(client, 'SELECT 1 FROM pg_namespace WHERE nspname = $1', [SCHEMA]))) await client.query(`CREATE SCHEMA ${SCHEMA}`);
      await client.query(`CREATE TABLE ${TABLE} (version bigint PRIMARY KEY, name text NOT NULL, applied_at bigint NOT NULL)`);
    }
    for (const { version, name, sql } of migrations) {
      if (version <= found) continue;
      await client.query(sql);
      await client.query(`INSERT INTO ${TABLE} (version, name, applied_at) VALUES ($1, $2, $3)`, [version, name, now]);
    }
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined);
    throw error;
  }
}

/** The highest step that has run; 0 for a database that is new. Throws `NewerDatabaseError`. */
export async function versionOf(client: Client, known: number): Promise<number> {
  if (!(await exists(client, 'SELECT 1 FROM pg_tables WHERE schemaname = $1 AND tablename = $2', [SCHEMA, 'schema']))) return 0;
  const { rows } = await client.query<{ version: number | null }>(`SELECT max(version) AS version FROM ${TABLE}`);
  const found = rows[0]?.version ?? 0;
  if (found > known) throw new NewerDatabaseError(found, known);
  return found;
}

async function exists(client: Client, query: string, values: readonly string[]): Promise<boolean> {
  return (await client.query(query, [...values])).rows.length > 0;
}
