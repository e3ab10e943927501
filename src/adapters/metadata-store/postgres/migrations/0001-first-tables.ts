import type { PostgresMigration } from './migration.ts';

/**
 * The first tables; what is in them is said in `sql/` and in SQLite's migrations. Text columns compare byte by byte (COLLATE "C"), whatever the server's language is: pages of lists,
 * and who stands before whom, must not depend on it. `body` is text and not jsonb, which would change what was written.
 */
export const firstTables: PostgresMigration = {
  version: 1,
  name: 'first tables',
  sql: `
    CREATE TABLE tenants (
      tenant text COLLATE "C" PRIMARY KEY,
      revision bigint NOT NULL,
      body text
    );

    CREATE TABLE policies (
      tenant text COLLATE "C" PRIMARY KEY,
      revision bigint NOT NULL,
      body text
    );

    CREATE TABLE own_vaults (
      tenant text COLLATE "C" PRIMARY KEY,
      revision bigint NOT NULL,
      body text
    );

    CREATE TABLE credentials (
      scope text COLLATE "C" NOT NULL,
      service text COLLATE "C" NOT NULL,
      label text COLLATE "C" NOT NULL,
      due_at bigint,
      revision bigint NOT NULL,
      body text,
      PRIMARY KEY (scope, service, label)
    );
    CREATE INDEX credentials_due ON credentials (due_at, scope, service, label) WHERE due_at IS NOT NULL;

    CREATE TABLE tokens (
      id text COLLATE "C" PRIMARY KEY,
      scope text COLLATE "C",
      revision bigint NOT NULL,
      body text
    );
    CREATE INDEX tokens_by_scope ON tokens (scope, id);

    CREATE TABLE gateway_keys (
      id text COLLATE "C" PRIMARY KEY,
      tenant text COLLATE "C",
      revision bigint NOT NULL,
      body text
    );
    CREATE INDEX gateway_keys_by_tenant ON gateway_keys (tenant, id);

    CREATE TABLE sealed_values (
      scope text COLLATE "C" NOT NULL,
      service text COLLATE "C" NOT NULL,
      label text COLLATE "C" NOT NULL,
      version bigint NOT NULL,
      revision bigint NOT NULL,
      body text,
      PRIMARY KEY (scope, service, label, version)
    );

    CREATE TABLE data_keys (
      scope text COLLATE "C" NOT NULL,
      id text COLLATE "C" NOT NULL,
      created_at bigint,
      revision bigint NOT NULL,
      body text,
      PRIMARY KEY (scope, id)
    );
    CREATE INDEX data_keys_by_age ON data_keys (scope, created_at, id);

    CREATE TABLE platform (
      name text COLLATE "C" PRIMARY KEY,
      revision bigint NOT NULL,
      body text
    );

    CREATE TABLE leases (
      name text COLLATE "C" PRIMARY KEY,
      revision bigint NOT NULL,
      body text
    );

    CREATE TABLE audit_rows (
      position bigint PRIMARY KEY,
      time bigint NOT NULL,
      high_time bigint NOT NULL,
      late bigint NOT NULL,
      id text COLLATE "C" NOT NULL,
      tenant text COLLATE "C",
      tenant_index bigint,
      action text COLLATE "C" NOT NULL,
      actor text COLLATE "C" NOT NULL,
      body text NOT NULL,
      nodes text NOT NULL,
      tenant_nodes text
    );
    CREATE INDEX audit_rows_by_id ON audit_rows (id, position);
    CREATE INDEX audit_rows_by_time ON audit_rows (high_time, position);
    CREATE INDEX audit_rows_late ON audit_rows (late) WHERE late > 0;
    CREATE INDEX audit_rows_by_tenant ON audit_rows (tenant, position);
    CREATE UNIQUE INDEX audit_rows_by_tenant_index ON audit_rows (tenant, tenant_index) WHERE tenant IS NOT NULL;
    CREATE INDEX audit_rows_by_tenant_action ON audit_rows (tenant, action, position);
    CREATE INDEX audit_rows_by_tenant_actor ON audit_rows (tenant, actor, position);
    CREATE INDEX audit_rows_by_action ON audit_rows (action, position);
    CREATE INDEX audit_rows_by_actor ON audit_rows (actor, position);

    CREATE TABLE usage_batches (
      tenant text COLLATE "C" NOT NULL,
      journal text COLLATE "C" NOT NULL,
      segment bigint NOT NULL,
      first_time bigint NOT NULL,
      last_time bigint NOT NULL,
      body text NOT NULL,
      PRIMARY KEY (tenant, journal, segment)
    );
    CREATE INDEX usage_batches_by_time ON usage_batches (tenant, last_time, journal, segment, first_time);

    CREATE TABLE usage_rollups (
      tenant text COLLATE "C" NOT NULL,
      hour bigint NOT NULL,
      journal text COLLATE "C" NOT NULL,
      revision bigint NOT NULL,
      body text,
      PRIMARY KEY (tenant, hour, journal)
    );

    CREATE TABLE usage_segments (
      journal text COLLATE "C" NOT NULL,
      segment bigint NOT NULL,
      is_open bigint,
      body text NOT NULL,
      PRIMARY KEY (journal, segment)
    );
    CREATE INDEX usage_segments_open ON usage_segments (journal, segment) WHERE is_open IS NOT NULL;
  `,
};
