import { setTimeout as sleep } from 'node:timers/promises';
import type { TestDatabase } from '../servers/postgres-databases.ts';
import { sharedPostgres } from '../servers/with-postgres.ts';

/** A term of 30 s, a look and a renewal each third of it, and a busy machine. */
const MOVED_MS = 120_000;

/** Which jobs nobody does that lives, in words: a holder that lives writes its lease again, and one that died is followed by one that does. */
export async function jobProblems(database: TestDatabase): Promise<readonly string[]> {
  const before = await revisions(database);
  const deadline = performance.now() + MOVED_MS;
  for (;;) {
    const now = await revisions(database);
    const standing = [...before].filter(([name, revision]) => now.get(name) === revision).map(([name]) => `nobody who lives does ${name}`);
    if (before.size === 0) standing.push('there are no leases');
    if (standing.length === 0 || performance.now() > deadline) return standing;
    await sleep(1_000);
  }
}

async function revisions(database: TestDatabase): Promise<ReadonlyMap<string, string>> {
  const rows = await sharedPostgres().query('SELECT name, revision FROM keyhold.leases', database.name);
  return new Map(rows.map(({ name, revision }) => [String(name), String(revision)]));
}
