import { randomBytes } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { loadavg } from 'node:os';
import path from 'node:path';
import { localServices } from '../test/support/local-services.ts';
import { type Product, startProduct, temporaryFolder } from '../test/support/product.ts';
import { type ChangeKind, changeKinds, type FeltAfter, FeltChanges } from '../test/support/replicas/felt-changes.ts';
import { type PostgresTestServer, startPostgres } from '../test/support/servers/postgres.ts';
import { startProviderServer } from '../test/support/servers/provider-server.ts';
import { startRedis } from '../test/support/servers/redis.ts';
import { pidOf } from './child.ts';
import { GATEWAY_CORE, LOAD_CORE, pin } from './machine.ts';
import { quantile } from './statistics.ts';

const REPLICAS = 4;
/** Of each kind, until every process has run what is measured. */
const WARM_UP = 5;

export interface ChangesPlan {
  /** Changes of each kind. */
  readonly changes: number;
}

/** Milliseconds. */
interface FeltWithin {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** From the answer of a change, on the slowest of the replicas. */
export interface FeltOfKind {
  /** Until no request was served as before. */
  readonly inForce: FeltWithin;
  /** Until the first request that shows it was answered. */
  readonly answered: FeltWithin;
}

export interface ChangesFound {
  readonly carrier: 'Redis' | 'PostgreSQL';
  readonly changes: number;
  readonly kinds: Readonly<Record<ChangeKind, FeltOfKind>>;
  readonly all: FeltOfKind;
  /** Of the machine, before and after. */
  readonly load: readonly [before: number, after: number];
}

/** How soon four replicas go by a change, with each carrier of the bus; PostgreSQL is the database either way. */
export async function measureChanges(plan: ChangesPlan): Promise<readonly ChangesFound[]> {
  const postgres = await startPostgres();
  const redis = await startRedis();
  try {
    return [await measured('Redis', { REDIS_URL: redis.url }, postgres, plan), await measured('PostgreSQL', {}, postgres, plan)];
  } finally {
    await redis.close();
    await postgres.close();
  }
}

async function measured(carrier: ChangesFound['carrier'], env: Readonly<Record<string, string>>, postgres: PostgresTestServer, { changes }: ChangesPlan): Promise<ChangesFound> {
  const provider = await startProviderServer();
  const folder = await temporaryFolder();
  const replicas: Product[] = [];
  try {
    const keyFile = path.join(folder, 'keyhold.key');
    await writeFile(keyFile, `${randomBytes(32).toString('base64')}\n`, { mode: 0o600 });
    const { url } = await postgres.databases.create();
    const shared = { NODE_ENV: 'production', KEYHOLD_KEY_FILE: keyFile, KEYHOLD_DATABASE_URL: url, ...localServices(provider, ['openai', 'groq']), ...env };
    for (let index = 0; index < REPLICAS; index += 1) {
      const replica = await startProduct({ dataDir: folder, env: { ...shared, KEYHOLD_DATA_DIR: path.join(folder, `replica-${index}`) } });
      replicas.push(replica);
      pin(pidOf(replica.process), index % 2 === 0 ? GATEWAY_CORE : LOAD_CORE);
    }
    const felt = await FeltChanges.begin({ urls: replicas.map((replica) => replica.url), provider });
    const before = loadavg()[0] ?? Number.NaN;
    const took: Record<ChangeKind, FeltAfter[]> = { replace: [], rotate: [], revoke: [], disable: [], policy: [] };
    for (let round = 0; round < WARM_UP + changes; round += 1) {
      for (const kind of changeKinds) {
        const all = await felt.make(kind);
        if (round >= WARM_UP) took[kind].push({ inForceMs: Math.max(...all.map(({ inForceMs }) => inForceMs)), answeredMs: Math.max(...all.map(({ answeredMs }) => answeredMs)) });
      }
      provider.requests.length = 0;
    }
    const kinds = Object.fromEntries(changeKinds.map((kind) => [kind, feltOf(took[kind])])) as Record<ChangeKind, FeltOfKind>;
    return { carrier, changes, kinds, all: feltOf(Object.values(took).flat()), load: [before, loadavg()[0] ?? Number.NaN] };
  } finally {
    for (const replica of replicas) await replica.stop();
    await provider.close();
    await rm(folder, { recursive: true, force: true });
  }
}

function feltOf(took: readonly FeltAfter[]): FeltOfKind {
  return { inForce: feltWithin(took.map(({ inForceMs }) => inForceMs)), answered: feltWithin(took.map(({ answeredMs }) => answeredMs)) };
}

function feltWithin(milliseconds: readonly number[]): FeltWithin {
  const ascending = milliseconds.toSorted((a, b) => a - b);
  return { p50: quantile(ascending, 0.5), p99: quantile(ascending, 0.99), max: ascending.at(-1) ?? Number.NaN };
}
