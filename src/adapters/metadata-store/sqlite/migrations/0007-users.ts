import type { Migration } from './migration.ts';

/** Whoever an identity provider names, what they are in tenants, and the roles that administrators make (R0.2). */
export const users: Migration = {
  version: 7,
  name: 'users and roles',
  sql: `
    CREATE TABLE users (
      id TEXT NOT NULL PRIMARY KEY,
      revision INTEGER NOT NULL,
      body TEXT
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE memberships (
      tenant TEXT NOT NULL,
      user_id TEXT NOT NULL,
      revision INTEGER NOT NULL,
      body TEXT,
      PRIMARY KEY (tenant, user_id)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX memberships_by_user ON memberships (user_id, tenant);

    CREATE TABLE roles (
      scope TEXT NOT NULL,
      name TEXT NOT NULL,
      revision INTEGER NOT NULL,
      body TEXT,
      PRIMARY KEY (scope, name)
    ) STRICT, WITHOUT ROWID;
  `,
};
