import { randomBytes } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { localServices } from '../local-services.ts';
import { temporaryFolder } from '../product.ts';
import type { TestDatabase } from '../servers/postgres-databases.ts';
import { type ProviderServer, startProviderServer } from '../servers/provider-server.ts';
import { type RedisServer, startRedis } from '../servers/redis.ts';
import { sharedPostgres } from '../servers/with-postgres.ts';
import { Replica } from './replica.ts';

/** Four replicas, not started yet, on one empty database and one Redis, with one key file and one audit key; all providers are one server. */
export interface Installation {
  readonly replicas: readonly Replica[];
  readonly provider: ProviderServer;
  readonly redis: RedisServer;
  readonly database: TestDatabase;
  readonly auditKeyFile: string;
  close(): Promise<void>;
}

export async function makeInstallation(services: readonly string[], extra: Readonly<Record<string, string>> = {}): Promise<Installation> {
  const [provider, redis, database, folder] = await Promise.all([startProviderServer(), startRedis(), sharedPostgres().create(), temporaryFolder()]);
  const keyFile = join(folder, 'keyhold.key');
  await writeFile(keyFile, `${randomBytes(32).toString('base64')}\n`, { mode: 0o600 });
  const { port } = sharedPostgres();
  const world = {
    databasePort: port,
    redisPort: redis.port,
    env: (databasePort: number, redisPort: number) => ({
      ...localServices(provider, services),
      KEYHOLD_KEY_FILE: keyFile,
      KEYHOLD_DATABASE_URL: database.url.replace(`:${port}/`, `:${databasePort}/`),
      REDIS_URL: redis.url.replace(`:${redis.port}`, `:${redisPort}`),
      ...extra,
    }),
  };
  const replicas = await Promise.all(['a', 'b', 'c', 'd'].map((name) => Replica.make(name, world)));
  return {
    replicas,
    provider,
    redis,
    database,
    auditKeyFile: `${keyFile}.audit`,
    close: async () => {
      await Promise.all(replicas.map((replica) => replica.close()));
      await Promise.all([provider.close(), redis.close(), rm(folder, { recursive: true, force: true })]);
    },
  };
}
