import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { openPostgresStore } from '../src/adapters/metadata-store/postgres/open-postgres.ts';
import { openSqliteStore } from '../src/adapters/metadata-store/sqlite/open-sqlite.ts';
import type { TransferableStore } from '../src/ports/metadata/transfer.ts';
import { scopeKey } from '../src/ports/scope.ts';
import { credentialKey, credentialRecord } from '../test/contract/metadata-store-records.ts';
import { postgresOptions } from '../test/support/postgres-options.ts';
import { startProduct, temporaryFolder } from '../test/support/product.ts';
import { type PostgresTestServer, startPostgres } from '../test/support/servers/postgres.ts';
import { ratiosOf, type Spread, spreadOf } from './statistics.ts';

const FEW = 1_000;
const PER_TENANT = 100;
const ROWS_AT_ONCE = 500;
const LOOKUPS = 2_000;

export interface ManyCredentialsPlan {
  readonly many: number;
  readonly rounds: number;
}

/** What a database with many credentials costs; microseconds and seconds. */
export interface ManyCredentials {
  readonly database: 'SQLite' | 'PostgreSQL';
  readonly many: number;
  readonly lookupMicroseconds: { readonly few: Spread; readonly many: Spread };
  readonly manyOverFew: Spread;
  /** From the start of the process to its first yes of /readyz. */
  readonly startSeconds: { readonly few: Spread; readonly many: Spread };
}

/** A database for the product, opened here while that does not run. */
interface Bench {
  readonly env: Readonly<Record<string, string>>;
  readonly dataDir: string;
  open(): Promise<TransferableStore>;
}

/** Looks credentials up by their key among a thousand and among many, in turns, and starts Keyhold on the many. PostgreSQL where there is one. */
export async function measureManyCredentials(plan: ManyCredentialsPlan, say: (text: string) => void): Promise<readonly ManyCredentials[]> {
  const found = [await measured('SQLite', plan, sqliteBench)];
  const server = await startPostgres().catch((error: unknown) => {
    say(`Without PostgreSQL: ${error instanceof Error ? error.message : String(error)}`);
  });
  if (server === undefined) return found;
  try {
    return [...found, await measured('PostgreSQL', plan, () => postgresBench(server))];
  } finally {
    await server.close();
  }
}

async function measured(database: ManyCredentials['database'], { many, rounds }: ManyCredentialsPlan, bench: () => Promise<Bench>): Promise<ManyCredentials> {
  const [small, large] = [await bench(), await bench()];
  try {
    for (const { dataDir, env } of [small, large]) await (await startProduct({ dataDir, env })).stop();
    const stores = { few: await small.open(), many: await large.open() };
    await fill(stores.few, FEW);
    await fill(stores.many, many);
    const lookups: { few: number[]; many: number[] } = { few: [], many: [] };
    for (let round = 0; round <= rounds; round += 1) {
      const took = { few: await lookUp(stores.few, FEW, round), many: await lookUp(stores.many, many, round) };
      // The first finds everything cold.
      if (round > 0) for (const size of ['few', 'many'] as const) lookups[size].push(took[size]);
    }
    await Promise.all([stores.few.close(), stores.many.close()]);
    const starts: { few: number[]; many: number[] } = { few: [], many: [] };
    for (let start = 0; start < rounds; start += 1) {
      starts.few.push(await startSeconds(small));
      starts.many.push(await startSeconds(large));
    }
    return { database, many, lookupMicroseconds: { few: spreadOf(lookups.few), many: spreadOf(lookups.many) }, manyOverFew: ratiosOf(lookups.many, lookups.few), startSeconds: { few: spreadOf(starts.few), many: spreadOf(starts.many) } };
  } finally {
    for (const { dataDir } of [small, large]) await rm(dataDir, { recursive: true, force: true });
  }
}

async function sqliteBench(): Promise<Bench> {
  const dataDir = await temporaryFolder();
  await mkdir(path.join(dataDir, 'data'), { mode: 0o700 });
  return { dataDir, env: {}, open: () => openSqliteStore({ file: path.join(dataDir, 'data', 'keyhold.db'), clock: { now: () => Date.now(), monotonic: () => performance.now() } }) };
}

async function postgresBench(server: PostgresTestServer): Promise<Bench> {
  const { url } = await server.databases.create();
  return { dataDir: await temporaryFolder(), env: { KEYHOLD_DATABASE_URL: url }, open: () => openPostgresStore(postgresOptions(url)) };
}

async function fill({ rows }: TransferableStore, count: number): Promise<void> {
  for (let start = 0; start < count; start += ROWS_AT_ONCE) {
    await rows.put(
      'credentials',
      Array.from({ length: Math.min(ROWS_AT_ONCE, count - start) }, (_, index) => {
        const key = nthKey(start + index);
        return { key: [scopeKey(key.scope), key.service, key.label], revision: 1, body: JSON.stringify(credentialRecord(key)) };
      }),
    );
  }
}

/** Microseconds of one lookup, one after the other; which ones differs from round to round, and is the same in both databases by its place. */
async function lookUp({ credentials }: TransferableStore, count: number, round: number): Promise<number> {
  const began = performance.now();
  for (let index = 0; index < LOOKUPS; index += 1) {
    // A step that has no factor in common with the count spreads them over all.
    const found = await credentials.get(nthKey(((round * LOOKUPS + index) * 7_919) % count));
    if (found === undefined) throw new Error('A credential that was put there is not found.');
  }
  return ((performance.now() - began) / LOOKUPS) * 1_000;
}

function nthKey(index: number) {
  return credentialKey(`tenant-${String(Math.floor(index / PER_TENANT)).padStart(6, '0')}`, 'openai', `label-${index % PER_TENANT}`);
}

async function startSeconds({ dataDir, env }: Bench): Promise<number> {
  const began = performance.now();
  const product = await startProduct({ dataDir, env });
  const took = (performance.now() - began) / 1_000;
  await product.stop();
  return took;
}
