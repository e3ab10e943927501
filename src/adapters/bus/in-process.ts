import type { Bus, BusMessage } from '../../ports/bus.ts';
import type { Log } from '../../ports/log.ts';

/**
 * The bus of a single process. `publish` resolves when every subscriber has been told; one that throws is logged and does not keep
 * the message from the others, since a cache that misses an eviction would serve a revoked key.
 */
export function createInProcessBus(log?: Log): Bus {
  const subscribers = new Set<{ readonly receive: (message: BusMessage) => void }>();
  return {
    async publish(message) {
      for (const { receive } of subscribers) {
        try {
          receive(message);
        } catch (error) {
          log?.error('bus_subscriber_failed', 'A part of the process could not handle a change that was announced', { name: message.topic, error });
        }
      }
    },
    subscribe(receive) {
      const subscriber = { receive };
      subscribers.add(subscriber);
      return () => {
        subscribers.delete(subscriber);
      };
    },
  };
}
