import type { Migration } from './migration.ts';

/**
 * The first tables. What every record table has in common is written in `sql/record-table.ts`: key columns, index columns, `revision`,
 * and `body`, the record as JSON, NULL once it was removed. `scope` is `platform` or `tenant:<id>`; times are milliseconds since the
 * epoch. Text is compared byte by byte (SQLite's own BINARY order).
 *
 * Tables with bodies of more than a few hundred bytes keep their rowid: without one, whole records would stand in the inner nodes of
 * the tree, and a million of them would make it a dozen levels deep.
 */
export const firstTables: Migration = {
  version: 1,
  name: 'first tables',
  sql: `
    CREATE TABLE tenants (
      tenant TEXT NOT NULL PRIMARY KEY,
      revision INTEGER NOT NULL,
      body TEXT
    ) STRICT;

    CREATE TABLE policies (
      tenant TEXT NOT NULL PRIMARY KEY,
      revision INTEGER NOT NULL,
      body TEXT
    ) STRICT, WITHOUT ROWID;

    -- due_at: when the reconciler is first needed, NULL while it is not.
    CREATE TABLE credentials (
      scope TEXT NOT NULL,
      service TEXT NOT NULL,
      label TEXT NOT NULL,
      due_at INTEGER,
      revision INTEGER NOT NULL,
      body TEXT,
      PRIMARY KEY (scope, service, label)
    ) STRICT;
    CREATE INDEX credentials_due ON credentials (due_at, scope, service, label) WHERE due_at IS NOT NULL;

    CREATE TABLE tokens (
      id TEXT NOT NULL PRIMARY KEY,
      scope TEXT,
      revision INTEGER NOT NULL,
      body TEXT
    ) STRICT;
    CREATE INDEX tokens_by_scope ON tokens (scope, id);

    CREATE TABLE gateway_keys (
      id TEXT NOT NULL PRIMARY KEY,
      tenant TEXT,
      revision INTEGER NOT NULL,
      body TEXT
    ) STRICT;
    CREATE INDEX gateway_keys_by_tenant ON gateway_keys (tenant, id);

    -- body holds sealed envelopes only.
    CREATE TABLE sealed_values (
      scope TEXT NOT NULL,
      service TEXT NOT NULL,
      label TEXT NOT NULL,
      version INTEGER NOT NULL,
      revision INTEGER NOT NULL,
      body TEXT,
      PRIMARY KEY (scope, service, label, version)
    ) STRICT;

    -- body holds the key wrapped under the root key.
    CREATE TABLE data_keys (
      scope TEXT NOT NULL,
      id TEXT NOT NULL,
      created_at INTEGER,
      revision INTEGER NOT NULL,
      body TEXT,
      PRIMARY KEY (scope, id)
    ) STRICT;
    CREATE INDEX data_keys_by_age ON data_keys (scope, created_at, id);

    CREATE TABLE platform (
      name TEXT NOT NULL PRIMARY KEY,
      revision INTEGER NOT NULL,
      body TEXT
    ) STRICT, WITHOUT ROWID;

    -- Rows are only ever added; position is the order of the log. high_time and late: see sql/sql-audit.ts.
    CREATE TABLE audit_rows (
      position INTEGER NOT NULL PRIMARY KEY,
      time INTEGER NOT NULL,
      high_time INTEGER NOT NULL,
      late INTEGER NOT NULL,
      tenant TEXT,
      action TEXT NOT NULL,
      actor TEXT NOT NULL,
      body TEXT NOT NULL
    ) STRICT;
    CREATE INDEX audit_rows_by_time ON audit_rows (high_time, position);
    CREATE INDEX audit_rows_late ON audit_rows (late) WHERE late > 0;
    CREATE INDEX audit_rows_by_tenant ON audit_rows (tenant, position);
    CREATE INDEX audit_rows_by_tenant_action ON audit_rows (tenant, action, position);
    CREATE INDEX audit_rows_by_tenant_actor ON audit_rows (tenant, actor, position);
    CREATE INDEX audit_rows_by_action ON audit_rows (action, position);
    CREATE INDEX audit_rows_by_actor ON audit_rows (actor, position);

    -- One tenant's part of one journal segment; written once.
    CREATE TABLE usage_batches (
      tenant TEXT NOT NULL,
      journal TEXT NOT NULL,
      segment INTEGER NOT NULL,
      first_time INTEGER NOT NULL,
      last_time INTEGER NOT NULL,
      body TEXT NOT NULL,
      PRIMARY KEY (tenant, journal, segment)
    ) STRICT;
    CREATE INDEX usage_batches_by_time ON usage_batches (tenant, last_time, journal, segment, first_time);

    CREATE TABLE usage_rollups (
      tenant TEXT NOT NULL,
      hour INTEGER NOT NULL,
      journal TEXT NOT NULL,
      revision INTEGER NOT NULL,
      body TEXT,
      PRIMARY KEY (tenant, hour, journal)
    ) STRICT;
  `,
};
