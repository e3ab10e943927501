import { createRedisTransport } from './adapters/bus/redis/redis-transport.ts';
import { openRedis, type RedisConnection } from './adapters/redis/redis-connection.ts';
import { postgresOptions } from './compose-database.ts';
import type { Config } from './config/config.ts';
import { ReplicaBus, type ReplicaBusDependencies } from './core/bus/replica-bus.ts';
import type { RootKey } from './core/crypto/root-key.ts';
import type { OwnKeys } from './core/own-keys/own-keys.ts';
import type { BusTransport } from './ports/bus-transport.ts';

export interface OpenBusOptions extends ReplicaBusDependencies {
  readonly config: Pick<Config, 'redis' | 'database'>;
  readonly ownKeys: Pick<OwnKeys, 'find'>;
}

export interface OpenBus {
  readonly bus: ReplicaBus;
  /** undefined: none is configured. */
  readonly redis: RedisConnection | undefined;
  /** Messages are sent and believed once the root key is known, under a key of its own (S32). */
  connect(root: RootKey): Promise<void>;
  close(): Promise<void>;
}

/**
 * How replicas hear of one another: over Redis where there is one, else over PostgreSQL where that is the database. Redis comes first at a start (R3.9), and no
 * start fails without it.
 */
export async function openBus(options: OpenBusOptions): Promise<OpenBus> {
  const { config, log, random } = options;
  const redis = config.redis === null ? undefined : await openRedis({ ...config.redis, log, random });
  const bus = new ReplicaBus(options);
  return {
    bus,
    redis,
    connect: async (root) => bus.connect(await transports(options, redis, root.id), root.subkey('bus')),
    close: async () => {
      await bus.close();
      redis?.close();
    },
  };
}

async function transports({ config: { database }, ownKeys, clock, log, random }: OpenBusOptions, redis: RedisConnection | undefined, installation: string): Promise<readonly BusTransport[]> {
  if (redis !== undefined) return [createRedisTransport(redis, installation)];
  if (database.kind === 'postgres') {
    const { createPostgresTransport } = await import('./adapters/bus/postgres/postgres-transport.ts');
    return [createPostgresTransport({ ...postgresOptions(database, { ownKeys, clock, log }), installation, random })];
  }
  if (database.kind === 'cosmos') {
    log.info('bus_none', 'There is no REDIS_URL, so other replicas, if there are any, notice a change within 10 s. One replica alone needs no Redis');
  }
  return [];
}
