import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import { auditRow, time } from '../../../../../test/contract/metadata-store-records.ts';
import { AuditTrees } from '../../../../core/audit/audit-trees.ts';
import { storedRange } from '../../../../core/audit/stored-nodes.ts';
import type { SqlValue } from '../../sql/executor.ts';
import { createSqlStore } from '../../sql/sql-store.ts';
import { migrate } from '../migrate.ts';
import { sqliteDialect } from '../sqlite-dialect.ts';
import { allMigrations } from './all-migrations.ts';

describe('a database of version 1', () => {
  it('S30 gets the trees of the rows it has, which stay as they are, and goes on', async () => {
    const database = new DatabaseSync(':memory:');
    migrate(database, allMigrations.slice(0, 1), 1);
    const insert = database.prepare('INSERT INTO audit_rows (position, time, high_time, late, tenant, action, actor, body) VALUES (?, ?, ?, 0, ?, ?, ?, ?)');
    const rows = Array.from({ length: 70 }, (_, index) => auditRow(`r${index}`, { time: time + index, tenant: ['acme', 'beta', null][index % 3] ?? null }));
    rows.forEach((row, position) => insert.run(position, row.time, row.time, row.tenant, row.action, row.actor.id, JSON.stringify(row)));
    migrate(database, allMigrations, 2);

    const run = async (sql: string, values: readonly SqlValue[]) => database.prepare(sql).all(...values);
    const { audit } = createSqlStore({ read: run, write: run, wipe: async () => {}, close: async () => database.close() }, sqliteDialect);
    const trees = new AuditTrees();
    for (const row of rows) trees.place(row);
    expect(await audit.read(null, 0, 1000)).toEqual(rows);
    expect((await storedRange(audit, null, 70)).root()).toEqual(trees.log.root());
    for (const tenant of ['acme', 'beta']) expect((await storedRange(audit, tenant, await audit.tenantSize(tenant, 70))).root()).toEqual(trees.tenant(tenant).root());
    expect(await audit.find('r69')).toMatchObject({ position: 69, tenantIndex: 23 });
    expect((await audit.list({ tenant: 'beta', from: time + 60 }, { limit: 10 })).items.map(({ id }) => id)).toEqual(['r67', 'r64', 'r61']);
    await audit.append(70, [trees.place(auditRow('r70'))]);
    expect((await storedRange(audit, 'acme', await audit.tenantSize('acme', 71))).root()).toEqual(trees.tenant('acme').root());
    expect(database.prepare('PRAGMA integrity_check').get()).toEqual({ integrity_check: 'ok' });
  });
});
