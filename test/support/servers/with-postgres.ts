import { describe, inject } from 'vitest';
import { PostgresDatabases } from './postgres-databases.ts';

const access = inject('postgres');

/** `describe` for tests on a real PostgreSQL: skipped where there is none, which the run says at its beginning. */
export const describeWithPostgres = describe.skipIf(access === null);

/** The PostgreSQL of this run, which all test files share: each takes databases of its own, and none stops it. */
export function sharedPostgres(): PostgresDatabases {
  if (access === null) throw new Error('There is no PostgreSQL in this run: use describeWithPostgres.');
  return new PostgresDatabases(access);
}
