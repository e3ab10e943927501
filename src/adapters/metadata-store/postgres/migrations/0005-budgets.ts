import type { PostgresMigration } from './migration.ts';

/** How much may be used, and what has been. `outstanding` is 1 where a replica has leased something of it, and NULL elsewhere. */
export const budgets: PostgresMigration = {
  version: 5,
  name: 'budgets',
  sql: `
    CREATE TABLE tenant_budgets (
      tenant text COLLATE "C" NOT NULL PRIMARY KEY,
      revision bigint NOT NULL,
      body text
    );

    CREATE TABLE budget_accounts (
      tenant text COLLATE "C" NOT NULL,
      budget text COLLATE "C" NOT NULL,
      period text COLLATE "C" NOT NULL,
      revision bigint NOT NULL,
      outstanding bigint,
      body text,
      PRIMARY KEY (tenant, budget, period)
    );
    CREATE INDEX budget_accounts_outstanding ON budget_accounts (tenant, budget, period) WHERE outstanding IS NOT NULL;
  `,
};
