import type { Migration } from './migration.ts';

/** How much may be used, and what has been. `outstanding` is 1 where a replica has leased something of it, and NULL elsewhere. */
export const budgets: Migration = {
  version: 10,
  name: 'budgets',
  sql: `
    CREATE TABLE tenant_budgets (
      tenant TEXT NOT NULL PRIMARY KEY,
      revision INTEGER NOT NULL,
      body TEXT
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE budget_accounts (
      tenant TEXT NOT NULL,
      budget TEXT NOT NULL,
      period TEXT NOT NULL,
      revision INTEGER NOT NULL,
      outstanding INTEGER,
      body TEXT,
      PRIMARY KEY (tenant, budget, period)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX budget_accounts_outstanding ON budget_accounts (tenant, budget, period) WHERE outstanding IS NOT NULL;
  `,
};
