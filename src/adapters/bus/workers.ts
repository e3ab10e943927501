import type { BusMessage, BusNews } from '../../ports/bus.ts';
import type { Clock } from '../../ports/clock.ts';
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

/** A worker looks at the time so often, and has stood still when it did not for so long. */
const LOOK_EVERY_MS = 250;
const STOOD_STILL_MS = 1_000;

/**
 * The bus of a process that is one of several workers on a machine: what one announces all have taken when `publish` resolves. The channel is one that
 * only these processes have, hands on every message once and in order, and is cut in one way alone, by the end of the process in the middle; so it
 * needs none of what makes a medium of others trustworthy (S32). Once it is cut, records are believed for a moment only.
 *
 * Nobody waits long for a worker that stands still (SIGSTOP, a suspended machine). It finds that out at its first request, before it has read what was announced
 * meanwhile, and reads everything again.
 */
export function createWorkersBus(channel: WorkersChannel, clock: Clock, log: Log): InProcessBus {
  const here = createInProcessBus(log);
  let trusted = true;
  let lookedAt = clock.monotonic();
  const look = (): void => {
    const now = clock.monotonic();
    const stoodStill = now - lookedAt > STOOD_STILL_MS;
    lookedAt = now;
    if (stoodStill) here.tell({ topic: 'missed' });
  };
  setInterval(look, LOOK_EVERY_MS).unref();
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
      look();
      return trusted;
    },
  };
}

/** Its topic tells the rest, since only workers of ours can write to the channel. */
function isBusMessage(message: unknown): message is BusMessage {
  return typeof message === 'object' && message !== null && 'topic' in message && 'version' in message;
}
