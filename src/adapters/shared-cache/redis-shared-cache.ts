import { RESP_TYPES } from '@redis/client';
import { setTimeout as sleep } from 'node:timers/promises';
import { ANSWER_MS, type SharedCache } from '../../ports/shared-cache.ts';
import type { RedisConnection } from '../redis/redis-connection.ts';

/** Names in Redis begin with the installation's, so that several share one. A group is a set of the names in it. */
export function createRedisSharedCache({ commands }: RedisConnection, installation: string): SharedCache {
  const nameOf = (name: string): string => `keyhold:${installation}:value:${name}`;
  const groupOf = (group: string): string => `keyhold:${installation}:values:${group}`;
  const binary = commands.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer });

  const quietly = async <T>(work: () => Promise<T>): Promise<T | undefined> => {
    try {
      return commands.isReady ? await work() : undefined;
    } catch {
      return undefined;
    }
  };

  return {
    async get(name) {
      const found = await Promise.race([quietly(() => binary.get(nameOf(name))), sleep(ANSWER_MS, undefined, { ref: false })]);
      return found ?? undefined;
    },
    async set(name, group, bytes, ttlMs) {
      const px = Math.ceil(ttlMs);
      const done = await quietly(() =>
        commands
          .multi()
          .set(nameOf(name), bytes, { expiration: { type: 'PX', value: px } })
          .sAdd(groupOf(group), name)
          .pExpire(groupOf(group), px)
          .exec(),
      );
      return done !== undefined;
    },
    async remove(name) {
      await quietly(() => commands.del(nameOf(name)));
    },
    async removeGroup(group) {
      await quietly(async () => {
        const names = await commands.sMembers(groupOf(group));
        await commands.del([groupOf(group), ...names.map(nameOf)]);
      });
    },
  };
}
