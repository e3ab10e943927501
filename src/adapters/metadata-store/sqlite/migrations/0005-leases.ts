import type { Migration } from './migration.ts';

/** Which replica does which job. */
export const leases: Migration = {
  version: 5,
  name: 'leases',
  sql: `
    CREATE TABLE leases (
      name TEXT NOT NULL PRIMARY KEY,
      revision INTEGER NOT NULL,
      body TEXT
    ) STRICT, WITHOUT ROWID;
  `,
};
