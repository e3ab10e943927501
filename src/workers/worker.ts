import { existsSync } from 'node:fs';
import { createAdminTokenFile } from '../adapters/admin-token-file/admin-token-file.ts';
import { holdAsWorker } from '../adapters/data-folder/workers-lock.ts';
import { firstSteps, reachableUrl } from '../command-line/first-steps.ts';
import type { Terminal } from '../command-line/terminal.ts';
import { tokenOutlet } from '../command-line/token-outlet.ts';
import { compose } from '../compose.ts';
import type { Config } from '../config/config.ts';
import type { Log } from '../ports/log.ts';
import { StartError } from '../ports/start-error.ts';
import { drain, end, listening, tell } from '../serving.ts';
import { databasePlace } from './database-place.ts';
import type { Beginning } from './messages.ts';
import type { WorkerLink } from './worker-link.ts';

export interface WorkerOptions {
  readonly config: Config;
  readonly log: Log;
  readonly terminal: Terminal;
  readonly version: string;
  readonly link: WorkerLink;
  readonly beginning: Beginning;
}

/**
 * One worker's life: starts everything, serves on the shared port, and ends when the first process says so, or is gone, or when another worker has taken
 * over. Throws `StartError`.
 */
export async function serveAsWorker(options: WorkerOptions): Promise<void> {
  const { config, log, terminal, link, beginning } = options;
  requireSame(config, beginning);
  const lock = holdAsWorker(config.dataDir);
  try {
    // Only now, since whoever takes the folder over looks at that lock once.
    if (process.ppid !== beginning.pid) throw new StartError(1, 'The process that started this worker is gone.');
    const file = createAdminTokenFile(config.dataDir);
    const outlet = tokenOutlet({ file, isTerminal: terminal.isTerminal });
    const product = await compose({ ...options, firstToken: outlet, alone: beginning.first, seat: { ...beginning, link } });
    try {
      await product.begin();
      const where = await Promise.race([listening(product.server, config.listen), link.stopped]);
      if (typeof where === 'string') return;
      const { port } = where;
      link.sayServing(port);
      const url = reachableUrl(config.listen.host, port, config.tls !== null);
      const handedOut = outlet.handedOut();
      if (handedOut === undefined && beginning.first && existsSync(file.path)) log.info('admin_token_waiting', 'An administrator\'s token is still in the file admin-token. It goes when the token ends, or when you remove it', { file: file.path });
      if (handedOut !== undefined) tell(terminal, firstSteps({ url, token: handedOut }));
      const told = await Promise.race([link.stopped.then((reason) => ({ reason })), link.retired]);
      if (told !== 'retired') await drain(product, { ...told, timeoutMs: config.shutdownTimeoutMs, second: link.stoppedAgain, log });
      else await retire(options, product);
    } finally {
      await end(product);
    }
  } finally {
    lock.release();
  }
}

/** Serves what is connected to its end, however long that takes, unless Keyhold stops meanwhile. */
async function retire({ config, log, link }: WorkerOptions, product: Parameters<typeof end>[0]): Promise<void> {
  const { server, gateway } = product;
  log.info('retiring', 'Another worker has taken over; what is connected here is served to its end', { count: gateway.openRequests() });
  const closed = server.retire();
  const reason = await Promise.race([link.stopped, Promise.all([closed, gateway.drain()])]);
  if (typeof reason === 'string') await drain(product, { reason, timeoutMs: config.shutdownTimeoutMs, second: link.stoppedAgain, log, closed });
}

/** A rolling restart reads the settings anew. What the first process holds for all cannot change with them. */
function requireSame({ dataDir, database }: Config, beginning: Beginning): void {
  if (dataDir === beginning.dataDir && databasePlace(database) === beginning.database) return;
  throw new StartError(2, 'KEYHOLD_DATA_DIR or KEYHOLD_DATABASE_URL is another one now than when Keyhold was started. Stop Keyhold and start it again; new workers alone cannot move it.');
}
