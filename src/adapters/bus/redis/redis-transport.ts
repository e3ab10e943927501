import type { RedisClientType } from '@redis/client';
import type { BusReceiver, BusTransport } from '../../../ports/bus-transport.ts';
import type { RedisConnection } from '../../redis/redis-connection.ts';

/**
 * The bus over Redis pub/sub: one connection that only listens (it subscribes again by itself whenever it is back), and the one for commands to speak.
 * `installation` keeps two that share a Redis apart.
 */
export function createRedisTransport(redis: RedisConnection, installation: string): BusTransport {
  const channel = `keyhold:${installation}:bus`;
  let listener: RedisClientType | undefined;

  const listen = (receiver: BusReceiver): RedisClientType => {
    const client = redis.another();
    let isSubscribed = false;
    client.on('error', (error: unknown) => receiver.interrupted(error));
    client.on('ready', () => {
      if (isSubscribed) return;
      isSubscribed = true;
      client.subscribe(channel, (bytes) => receiver.receive(bytes), true).catch((error: unknown) => {
        isSubscribed = false;
        receiver.interrupted(error);
        // A connection that may not listen is of no use; the next one may.
        if (client.isOpen) client.destroy();
        setTimeout(() => {
          if (listener === client) listener = listen(receiver);
        }, 3_000).unref();
      });
    });
    client.connect().catch(() => undefined);
    return client;
  };

  return {
    kind: 'redis',
    start(receiver) {
      listener = listen(receiver);
    },
    async send(bytes) {
      try {
        await redis.commands.publish(channel, bytes);
        return true;
      } catch {
        return false;
      }
    },
    async close() {
      const last = listener;
      listener = undefined;
      if (last?.isOpen === true) last.destroy();
    },
  };
}
