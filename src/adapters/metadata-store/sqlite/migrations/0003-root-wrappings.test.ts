import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import type { SqlValue } from '../../sql/executor.ts';
import { createSqlStore } from '../../sql/sql-store.ts';
import { migrate } from '../migrate.ts';
import { sqliteDialect } from '../sqlite-dialect.ts';
import { allMigrations } from './all-migrations.ts';

describe('a database of version 2', () => {
  it('S12 keeps its root key, now as the first of its wrappings', async () => {
    const database = new DatabaseSync(':memory:');
    migrate(database, allMigrations.slice(0, 2), 1);
    const old = { name: 'root', rootId: 'root_0001020304050607', wrapped: 'AUBB', commitment: 'ab'.repeat(32), createdAt: 5 };
    database.prepare("INSERT INTO platform (name, revision, body) VALUES ('root', 1, ?)").run(JSON.stringify(old));
    migrate(database, allMigrations, 2);

    const run = async (sql: string, values: readonly SqlValue[]) => database.prepare(sql).all(...values);
    const { platform } = createSqlStore({ read: run, write: run, wipe: async () => {}, close: async () => database.close() }, sqliteDialect);
    const { wrapped, ...kept } = old;
    expect(await platform.get({ name: 'root' })).toEqual({ record: { ...kept, wrappings: [{ kind: 'key-file', place: '', wrapped, madeAt: 5 }] }, revision: 2 });
  });

  it('without a root key stays without one', () => {
    const database = new DatabaseSync(':memory:');
    migrate(database, allMigrations.slice(0, 2), 1);
    migrate(database, allMigrations, 2);
    expect(database.prepare('SELECT count(*) AS rows FROM platform').get()).toEqual({ rows: 0 });
  });
});
