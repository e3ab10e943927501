import type { PostgresMigration } from './migration.ts';

/** Browsers' sessions (S24). `body` has a digest of what a browser holds, and never that itself. */
export const sessions: PostgresMigration = {
  version: 6,
  name: 'sessions',
  sql: `
    CREATE TABLE sessions (
      id text COLLATE "C" NOT NULL PRIMARY KEY,
      holder text COLLATE "C",
      provider text COLLATE "C",
      expires_at bigint,
      revision bigint NOT NULL,
      body text
    );
    CREATE INDEX sessions_by_holder ON sessions (holder, id) WHERE holder IS NOT NULL;
    CREATE INDEX sessions_by_provider ON sessions (provider, id) WHERE provider IS NOT NULL;
    CREATE INDEX sessions_by_expiry ON sessions (expires_at, id) WHERE expires_at IS NOT NULL;
  `,
};
