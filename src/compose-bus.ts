import { createInProcessBus } from './adapters/bus/in-process.ts';
import { createRedisTransport } from './adapters/bus/redis/redis-transport.ts';
import { openRedis, type RedisConnection } from './adapters/redis/redis-connection.ts';
import type { Config } from './config/config.ts';
import { ReplicaBus, type ReplicaBusDependencies } from './core/bus/replica-bus.ts';
import type { RootKey } from './core/crypto/root-key.ts';

export interface OpenBusOptions extends Omit<ReplicaBusDependencies, 'local'> {
  readonly config: Pick<Config, 'redis'>;
}

export interface OpenBus {
  readonly bus: ReplicaBus;
  /** undefined: none is configured. */
  readonly redis: RedisConnection | undefined;
  /** Messages are sent and believed once the root key is known, under a key of its own (S32). */
  connect(root: RootKey): void;
  close(): Promise<void>;
}

/** How replicas hear of one another: over Redis where there is one. Redis comes first at a start (R3.9), and no start fails without it. */
export async function openBus({ config, log, random, ...rest }: OpenBusOptions): Promise<OpenBus> {
  const redis = config.redis === null ? undefined : await openRedis({ ...config.redis, log, random });
  const bus = new ReplicaBus({ local: createInProcessBus(log), log, random, ...rest });
  return {
    bus,
    redis,
    connect: (root) => bus.connect(redis === undefined ? [] : [createRedisTransport(redis, root.id)], root.subkey('bus')),
    close: async () => {
      await bus.close();
      redis?.close();
    },
  };
}
