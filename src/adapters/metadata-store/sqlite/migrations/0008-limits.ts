import type { Migration } from './migration.ts';

/** What a tenant may use, by itself and by the platform. */
export const limits: Migration = {
  version: 8,
  name: 'limits',
  sql: `
    CREATE TABLE limits (
      tenant TEXT NOT NULL,
      layer TEXT NOT NULL,
      revision INTEGER NOT NULL,
      body TEXT,
      PRIMARY KEY (tenant, layer)
    ) STRICT, WITHOUT ROWID;
  `,
};
