import type { RedisConnection } from './adapters/redis/redis-connection.ts';
import type { Config } from './config/config.ts';
import type { RootKey } from './core/crypto/root-key.ts';
import { SharedValues, type SharedValuesDependencies } from './core/resolution/shared-values.ts';
import type { Log } from './ports/log.ts';
import type { StoreKind } from './ports/secret-store.ts';

export interface SharedCacheOptions extends Pick<SharedValuesDependencies, 'clock' | 'random'> {
  readonly config: Pick<Config, 'redis' | 'staleLimitMs' | 'keyWrapper' | 'vault' | 'keyVault'>;
  readonly redis: RedisConnection | undefined;
  readonly root: RootKey;
  readonly log: Log;
}

/** The store that is away whenever the root key cannot be opened: a cache under that key would outlive nothing (S19). */
const hangsOn: Readonly<Record<Config['keyWrapper']['kind'], StoreKind | undefined>> = { 'key-file': undefined, passphrase: undefined, 'vault-transit': 'vault', 'azure-key': 'azure-key-vault' };

/** Where replicas share values for an outage of their vault; undefined where there is no Redis, no vault, or it is switched off. */
export async function openSharedValues({ config, redis, root, log, ...rest }: SharedCacheOptions): Promise<SharedValues | undefined> {
  if (redis === undefined || config.redis?.isSharedCache !== true || config.staleLimitMs === 0) return undefined;
  const vaults: readonly StoreKind[] = [...(config.vault === null ? [] : (['vault'] as const)), ...(config.keyVault === null ? [] : (['azure-key-vault'] as const))];
  const { kind } = config.keyWrapper;
  const stores = new Set(vaults.filter((store) => store !== hangsOn[kind]));
  if (stores.size < vaults.length) log.info('values_not_shared', `Values from ${hangsOn[kind]} are not shared in Redis: the root key is wrapped by ${kind}, so a replica could not start without it either`);
  if (stores.size === 0) return undefined;
  // Loaded only where it is needed, as is everything that speaks to one kind of server.
  const { createRedisSharedCache } = await import('./adapters/shared-cache/redis-shared-cache.ts');
  return new SharedValues({ cache: createRedisSharedCache(redis, root.id), subkey: root.subkey('shared-cache'), stores, limitMs: config.staleLimitMs, ...rest });
}
