import type { BusMessage, BusNews } from '../../ports/bus.ts';
import type { Log } from '../../ports/log.ts';
import { createInProcessBus, type InProcessBus } from './in-process.ts';

/** A way to the other workers of this machine. */
export interface WorkersChannel {
  /** Resolves when they have taken it. */
  send(message: unknown): Promise<void>;
  onMessage(receive: (message: unknown) => void): void;
  /** Called once, when the way is cut for good. */
  onCut(cut: () => void): void;
}

/**
 * The bus of a process that is one of several workers on a machine: what one announces all have taken when `publish` resolves. The channel is one that
 * only these processes have, hands on every message once and in order, and is cut in one way alone, by the end of the process in the middle; so it
 * needs none of what makes a medium of others trustworthy (S32). Once it is cut, records are believed for a moment only.
 */
export function createWorkersBus(channel: WorkersChannel, log: Log): InProcessBus {
  const here = createInProcessBus(log);
  let trusted = true;
  channel.onMessage((message) => {
    if (isBusMessage(message)) here.tell(message);
  });
  channel.onCut(() => {
    trusted = false;
    here.tell({ topic: 'missed' });
  });
  return {
    publish: async (message) => {
      await Promise.all([here.publish(message), channel.send(message)]);
    },
    subscribe: (receive) => here.subscribe(receive),
    tell: (news: BusNews) => here.tell(news),
    get trusted() {
      return trusted;
    },
  };
}

/** Its topic tells the rest, since only workers of ours can write to the channel. */
function isBusMessage(message: unknown): message is BusMessage {
  return typeof message === 'object' && message !== null && 'topic' in message && 'version' in message;
}
