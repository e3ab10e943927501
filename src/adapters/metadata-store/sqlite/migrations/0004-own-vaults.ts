import type { Migration } from './migration.ts';

/** The vaults that tenants bring (S20), one each. */
export const ownVaults: Migration = {
  version: 4,
  name: 'own vaults',
  sql: `
    CREATE TABLE own_vaults (
      tenant TEXT NOT NULL PRIMARY KEY,
      revision INTEGER NOT NULL,
      body TEXT
    ) STRICT, WITHOUT ROWID;
  `,
};
