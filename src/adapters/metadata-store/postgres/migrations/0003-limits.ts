import type { PostgresMigration } from './migration.ts';

/** What a tenant may use, by itself and by the platform. */
export const limits: PostgresMigration = {
  version: 3,
  name: 'limits',
  sql: `
    CREATE TABLE limits (
      tenant text COLLATE "C" NOT NULL,
      layer text COLLATE "C" NOT NULL,
      revision bigint NOT NULL,
      body text,
      PRIMARY KEY (tenant, layer)
    );
  `,
};
