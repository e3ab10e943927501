import type { PostgresMigration } from './migration.ts';

/** Whoever an identity provider names, what they are in tenants, and the roles that administrators make (R0.2). */
export const users: PostgresMigration = {
  version: 2,
  name: 'users and roles',
  sql: `
    CREATE TABLE users (
      id text COLLATE "C" PRIMARY KEY,
      revision bigint NOT NULL,
      body text
    );

    CREATE TABLE memberships (
      tenant text COLLATE "C" NOT NULL,
      user_id text COLLATE "C" NOT NULL,
      revision bigint NOT NULL,
      body text,
      PRIMARY KEY (tenant, user_id)
    );
    CREATE INDEX memberships_by_user ON memberships (user_id, tenant);

    CREATE TABLE roles (
      scope text COLLATE "C" NOT NULL,
      name text COLLATE "C" NOT NULL,
      revision bigint NOT NULL,
      body text,
      PRIMARY KEY (scope, name)
    );
  `,
};
