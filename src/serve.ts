import { existsSync } from 'node:fs';
import { createAdminTokenFile } from './adapters/admin-token-file/admin-token-file.ts';
import { systemClock } from './adapters/clock/system-clock.ts';
import { openDataFolder } from './adapters/data-folder/data-folder.ts';
import { firstSteps, listeningText, reachableUrl } from './command-line/first-steps.ts';
import { stopRequests } from './command-line/stop-requests.ts';
import type { Terminal } from './command-line/terminal.ts';
import { tokenOutlet } from './command-line/token-outlet.ts';
import { compose } from './compose.ts';
import type { Config } from './config/config.ts';
import type { CredentialLimits } from './core/credentials/limits.ts';
import type { AnyStepHook } from './core/keys/steps.ts';
import type { Log } from './ports/log.ts';
import { drain, end, listening, tell, tryPort } from './serving.ts';
import { serveByWorkers } from './workers/primary.ts';

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
 * Runs Keyhold until it is asked to stop, in this process or, with more than one worker, in processes below it, and gives the exit status. Throws
 * `StartError` for what a start can meet (R0.1).
 */
export async function serve(options: ServeOptions): Promise<number> {
  const { config, log } = options;
  const folder = openDataFolder(config.dataDir);
  let exitCode = 0;
  try {
    for (const warning of folder.warnings) log.warn('data_folder_warning', warning, { file: folder.path });
    // Before anything is made: a start that could not listen would have shown its only token to nobody.
    await tryPort(config.listen);
    if (config.workers === 1) await serveAlone(options);
    else exitCode = await serveByWorkers(options);
  } finally {
    folder.close();
  }
  if (exitCode === 0) log.info('stopped', 'Keyhold has stopped');
  return exitCode;
}

/** Starts everything, serves, and on SIGTERM finishes what is under way, up to `KEYHOLD_SHUTDOWN_TIMEOUT`. */
async function serveAlone(options: ServeOptions): Promise<void> {
  const { config, log, terminal } = options;
  const file = createAdminTokenFile(config.dataDir);
  const outlet = tokenOutlet({ file, isTerminal: terminal.isTerminal });
  const product = await compose({ ...options, firstToken: outlet, alone: true });
  // Listened to until the very end: Ctrl-C often arrives twice, and the second must not end the process while it still writes.
  const stop = stopRequests(process, () => systemClock.monotonic());
  try {
    const { port } = await listening(product.server, config.listen);
    const url = reachableUrl(config.listen.host, port, config.tls !== null);
    const address = new URL(url).host;
    log.info('listening', listeningText(config.listen.host, port, config.tls !== null), { address });
    const handedOut = outlet.handedOut();
    await product.begin();
    log.info('ready', 'Keyhold is ready', { address });
    if (handedOut === undefined && existsSync(file.path)) log.info('admin_token_waiting', 'An administrator\'s token is still in the file admin-token. It goes when the token ends, or when you remove it', { file: file.path });
    if (handedOut !== undefined) tell(terminal, firstSteps({ url, token: handedOut }));
    const reason = await stop.first;
    await drain(product, { reason, timeoutMs: config.shutdownTimeoutMs, second: stop.second, log });
  } finally {
    await end(product);
  }
}
