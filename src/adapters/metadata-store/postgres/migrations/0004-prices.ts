import type { PostgresMigration } from './migration.ts';

/** Prices that are set for the platform, and for tenants: a book each. */
export const prices: PostgresMigration = {
  version: 4,
  name: 'prices',
  sql: `
    CREATE TABLE price_books (
      scope text COLLATE "C" PRIMARY KEY,
      revision bigint NOT NULL,
      body text
    );
  `,
};
