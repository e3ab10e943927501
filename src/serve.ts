import { once } from 'node:events';
import { existsSync } from 'node:fs';
import type { AddressInfo, Server as NetServer } from 'node:net';
import { createServer } from 'node:net';
import { createAdminTokenFile } from './adapters/admin-token-file/admin-token-file.ts';
import { systemClock } from './adapters/clock/system-clock.ts';
import { type DataFolder, openDataFolder } from './adapters/data-folder/data-folder.ts';
import { firstSteps, listeningText, reachableUrl } from './command-line/first-steps.ts';
import { listenError } from './command-line/listen-error.ts';
import { stopRequests } from './command-line/stop-requests.ts';
import type { Terminal } from './command-line/terminal.ts';
import { tokenOutlet } from './command-line/token-outlet.ts';
import { compose, type Product } from './compose.ts';
import type { Config } from './config/config.ts';
import type { CredentialLimits } from './core/credentials/limits.ts';
import type { AnyStepHook } from './core/keys/steps.ts';
import type { Log } from './ports/log.ts';

const CLOSE_IDLE_MS = 50;

export interface ServeOptions {
  readonly config: Config;
  readonly log: Log;
  readonly terminal: Terminal;
  readonly version: string;
  readonly step?: AnyStepHook;
  readonly reconcileEveryMs?: number;
  readonly leaseTermMs?: number;
  readonly limits?: CredentialLimits;
  readonly valuesMs?: number;
}

/**
 * Runs Keyhold until it is asked to stop: takes the data folder, starts everything, serves, and on SIGTERM finishes what is under way,
 * up to `KEYHOLD_SHUTDOWN_TIMEOUT`. Throws `StartError` for what a start can meet (R0.1).
 */
export async function serve(options: ServeOptions): Promise<void> {
  const { config, log, terminal } = options;
  const folder = openDataFolder(config.dataDir);
  try {
    for (const warning of folder.warnings) log.warn('data_folder_warning', warning, { file: folder.path });
    const file = createAdminTokenFile(config.dataDir);
    const outlet = tokenOutlet({ file, isTerminal: terminal.isTerminal });
    // Before anything is made: a start that could not listen would have shown its only token to nobody.
    await tryPort(config.listen);
    const product = await compose({ ...options, firstToken: outlet, alone: true });
    // Listened to until the very end: Ctrl-C often arrives twice, and the second must not end the process while it still writes.
    const stop = stopRequests(process, () => systemClock.monotonic());
    try {
      const url = await listen(product, config, log);
      const handedOut = outlet.handedOut();
      await product.begin();
      log.info('ready', 'Keyhold is ready', { address: url.slice('http://'.length) });
      if (handedOut === undefined && existsSync(file.path)) log.info('admin_token_waiting', 'An administrator\'s token is still in the file admin-token. It goes when the token ends, or when you remove it', { file: file.path });
      if (handedOut !== undefined) tell(terminal, firstSteps({ url, token: handedOut }));
      const reason = await stop.first;
      await drain(product, config.shutdownTimeoutMs, stop.second, reason, log);
    } finally {
      await end(product, folder);
    }
  } finally {
    folder.close();
  }
  log.info('stopped', 'Keyhold has stopped');
}

/** Off a terminal standard output is for JSON lines alone. */
function tell(terminal: Terminal, text: string): void {
  if (terminal.isTerminal) terminal.out(text);
  else terminal.error(text);
}

/** Where it is reached from this machine. */
async function listen({ server }: Product, { listen: wanted }: Config, log: Log): Promise<string> {
  const { port } = await listening(server, wanted);
  const url = reachableUrl(wanted.host, port);
  log.info('listening', listeningText(wanted.host, port), { address: url.slice('http://'.length) });
  return url;
}

async function tryPort(wanted: Config['listen']): Promise<void> {
  if (wanted.port === 0) return;
  const server = createServer();
  await listening(server, wanted);
  server.close();
  await once(server, 'close');
}

async function listening(server: NetServer, wanted: Config['listen']): Promise<AddressInfo> {
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

/** Resolves when nothing is under way any more, or when waiting for it has been long enough. */
async function drain(product: Product, timeoutMs: number, second: Promise<string>, reason: string, log: Log): Promise<void> {
  const { server, gateway } = product;
  log.info('stopping', 'Keyhold is stopping; requests that are under way are finished first', { name: reason, count: gateway.openRequests() });
  product.refuseNew();
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
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

async function end(product: Product, folder: DataFolder): Promise<void> {
  const { server, gateway } = product;
  gateway.abortAll();
  await gateway.drain();
  server.closeAllConnections();
  server.close();
  await product.close();
  folder.close();
}
