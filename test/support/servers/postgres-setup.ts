import type { TestProject } from 'vitest/node';
import { startPostgres } from './postgres.ts';
import type { PostgresAccess } from './postgres-databases.ts';
import { runHas } from './run-files.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** How the run's PostgreSQL is reached; null where there is none. */
    postgres: PostgresAccess | null;
  }
}

/**
 * Before the first test: starts one PostgreSQL for all test files of this run that ask for it; each takes a database of its own. Where there is none, the run
 * goes on without those tests and says why; with `CI=true` it fails, since what is skipped there is never noticed.
 */
export async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  project.provide('postgres', null);
  if (!(await runHas(project, 'with-postgres'))) return undefined;
  try {
    const server = await startPostgres();
    const { port, caFile, adminPassword } = server.databases;
    project.provide('postgres', { port, caFile, adminPassword });
    return () => server.close();
  } catch (error) {
    if (process.env['CI'] === 'true') throw error;
    process.stderr.write(`\nTests against a real PostgreSQL are SKIPPED.\n${error instanceof Error ? error.message : String(error)}\n\n`);
    return undefined;
  }
}
