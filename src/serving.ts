import { once } from 'node:events';
import type { AddressInfo, Server as NetServer } from 'node:net';
import { createServer } from 'node:net';
import { listenError } from './command-line/listen-error.ts';
import type { Terminal } from './command-line/terminal.ts';
import type { Product } from './compose.ts';
import type { Config } from './config/config.ts';
import type { Log } from './ports/log.ts';

const CLOSE_IDLE_MS = 50;

/** Off a terminal standard output is for JSON lines alone. */
export function tell(terminal: Terminal, text: string): void {
  if (terminal.isTerminal) terminal.out(text);
  else terminal.error(text);
}

/** Throws `StartError` (3) when nobody could listen there. */
export async function tryPort(wanted: Config['listen']): Promise<void> {
  if (wanted.port === 0) return;
  const server = createServer();
  await listening(server, wanted);
  server.close();
  await once(server, 'close');
}

/** Listens, and gives where. Throws `StartError` (3). */
export async function listening(server: NetServer, wanted: Config['listen']): Promise<AddressInfo> {
  try {
    server.listen({ host: wanted.host, port: wanted.port });
    await once(server, 'listening');
  } catch (error) {
    throw listenError(error, wanted) ?? error;
  }
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The listener has no port.');
  return address;
}

export interface Draining {
  /** Why, for the log. */
  readonly reason: string;
  readonly timeoutMs: number;
  /** Somebody does not want to wait. */
  readonly second: Promise<string>;
  readonly log: Log;
  /** When all connections have ended, of a product that listens no more. */
  readonly closed?: Promise<void>;
}

/** Resolves when nothing is under way any more, or when waiting for it has been long enough. */
export async function drain(product: Product, { reason, timeoutMs, second, log, closed = closing(product.server) }: Draining): Promise<void> {
  const { server, gateway } = product;
  log.info('stopping', 'Keyhold is stopping; requests that are under way are finished first', { name: reason, count: gateway.openRequests() });
  product.refuseNew();
  server.endIdle();
  // Node has closed the connections that were idle just now; those of the last answers become so one by one, and would be kept.
  const closeIdle = setInterval(() => server.closeIdleConnections(), CLOSE_IDLE_MS);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), timeoutMs);
  });
  const end = await Promise.race([Promise.all([gateway.drain(), closed]), late, second]);
  clearTimeout(timer);
  clearInterval(closeIdle);
  if (typeof end === 'string') {
    log.warn('stopped_early', 'Requests were still under way when the time to stop was up; they were cut off and count as aborted', { count: gateway.openRequests() });
  }
}

async function closing(server: NetServer): Promise<void> {
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
}

/** Cuts off what is still under way, and writes what is owed. */
export async function end(product: Product): Promise<void> {
  const { server, gateway } = product;
  gateway.abortAll();
  await gateway.drain();
  server.closeAllConnections();
  server.close();
  await product.close();
}
