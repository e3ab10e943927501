import type { Migration } from './migration.ts';

/** Prices that are set for the platform, and for tenants: a book each. */
export const prices: Migration = {
  version: 9,
  name: 'prices',
  sql: `
    CREATE TABLE price_books (
      scope TEXT NOT NULL PRIMARY KEY,
      revision INTEGER NOT NULL,
      body TEXT
    ) STRICT, WITHOUT ROWID;
  `,
};
