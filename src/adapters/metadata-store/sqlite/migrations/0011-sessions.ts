import type { Migration } from './migration.ts';

/** Browsers' sessions (S24). `body` has a digest of what a browser holds, and never that itself. */
export const sessions: Migration = {
  version: 11,
  name: 'sessions',
  sql: `
    CREATE TABLE sessions (
      id TEXT NOT NULL PRIMARY KEY,
      holder TEXT,
      provider TEXT,
      expires_at INTEGER,
      revision INTEGER NOT NULL,
      body TEXT
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX sessions_by_holder ON sessions (holder, id) WHERE holder IS NOT NULL;
    CREATE INDEX sessions_by_provider ON sessions (provider, id) WHERE provider IS NOT NULL;
    CREATE INDEX sessions_by_expiry ON sessions (expires_at, id) WHERE expires_at IS NOT NULL;
  `,
};
