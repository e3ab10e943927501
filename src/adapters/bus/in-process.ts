import type { Bus, BusNews } from '../../ports/bus.ts';
import type { Log } from '../../ports/log.ts';

/** What a process tells itself. */
export interface InProcessBus extends Bus {
  /** As `publish`, of what only subscribers are told. */
  tell(news: BusNews): void;
}

/**
 * The bus of a single process. `publish` resolves when every subscriber has been told; one that throws is logged and does not keep
 * the message from the others, since a cache that misses an eviction would serve a revoked key.
 */
export function createInProcessBus(log?: Log): InProcessBus {
  const subscribers = new Set<{ readonly receive: (news: BusNews) => void }>();
  const tell = (news: BusNews): void => {
    for (const { receive } of subscribers) {
      try {
        receive(news);
      } catch (error) {
        log?.error('bus_subscriber_failed', 'A part of the process could not handle a change that was announced', { name: news.topic, error });
      }
    }
  };
  return {
    trusted: true,
    tell,
    async publish(message) {
      tell(message);
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
