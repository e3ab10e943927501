import type { DatabaseSync } from 'node:sqlite';
import { AuditTrees } from '../../../../core/audit/audit-trees.ts';
import type { AuditRow } from '../../../../ports/metadata/audit.ts';
import type { Migration } from './migration.ts';

/**
 * The audit log's rows get their ids to be found by, their places in their tenants' own logs, and the nodes of both trees (S30). `nodes`
 * and `tenant_nodes`: see sql/sql-audit.ts. Rows of before get theirs here, since they follow from the rows alone.
 */
export const auditTrees: Migration = {
  version: 2,
  name: 'audit trees',
  sql: `
    ALTER TABLE audit_rows RENAME TO audit_rows_1;
    DROP INDEX audit_rows_by_time;
    DROP INDEX audit_rows_late;
    DROP INDEX audit_rows_by_tenant;
    DROP INDEX audit_rows_by_tenant_action;
    DROP INDEX audit_rows_by_tenant_actor;
    DROP INDEX audit_rows_by_action;
    DROP INDEX audit_rows_by_actor;

    CREATE TABLE audit_rows (
      position INTEGER NOT NULL PRIMARY KEY,
      time INTEGER NOT NULL,
      high_time INTEGER NOT NULL,
      late INTEGER NOT NULL,
      id TEXT NOT NULL,
      tenant TEXT,
      tenant_index INTEGER,
      action TEXT NOT NULL,
      actor TEXT NOT NULL,
      body TEXT NOT NULL,
      nodes TEXT NOT NULL,
      tenant_nodes TEXT
    ) STRICT;
    CREATE INDEX audit_rows_by_id ON audit_rows (id, position);
    CREATE INDEX audit_rows_by_time ON audit_rows (high_time, position);
    CREATE INDEX audit_rows_late ON audit_rows (late) WHERE late > 0;
    CREATE INDEX audit_rows_by_tenant ON audit_rows (tenant, position);
    CREATE UNIQUE INDEX audit_rows_by_tenant_index ON audit_rows (tenant, tenant_index) WHERE tenant IS NOT NULL;
    CREATE INDEX audit_rows_by_tenant_action ON audit_rows (tenant, action, position);
    CREATE INDEX audit_rows_by_tenant_actor ON audit_rows (tenant, actor, position);
    CREATE INDEX audit_rows_by_action ON audit_rows (action, position);
    CREATE INDEX audit_rows_by_actor ON audit_rows (actor, position);
  `,
  run(database: DatabaseSync) {
    const trees = new AuditTrees();
    const insert = database.prepare(
      'INSERT INTO audit_rows (position, time, high_time, late, id, tenant, tenant_index, action, actor, body, nodes, tenant_nodes) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
    );
    for (const old of database.prepare('SELECT position, high_time, late, body FROM audit_rows_1 ORDER BY position').iterate()) {
      const body = String(old['body']);
      const row: AuditRow = JSON.parse(body);
      const { nodes, ofTenant } = trees.place(row);
      const tenantNodes = ofTenant?.nodes.join(' ') ?? null;
      insert.run(Number(old['position']), row.time, Number(old['high_time']), Number(old['late']), row.id, row.tenant, ofTenant?.index ?? null, row.action, row.actor.id, body, nodes.join(' '), tenantNodes);
    }
    database.exec('DROP TABLE audit_rows_1');
  },
};
