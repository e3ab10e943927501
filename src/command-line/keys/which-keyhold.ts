import { createLog } from '../../adapters/log/pino-log.ts';
import type { KeyholdApi } from '../../adapters/keyhold-api/call-keyhold.ts';
import type { Config } from '../../config/config.ts';
import type { Log } from '../../ports/log.ts';
import { StartError } from '../../ports/start-error.ts';
import { loadProcessConfig } from '../load.ts';
import { type ClientOptions, runningKeyhold } from '../running-keyhold.ts';
import type { Terminal } from '../terminal.ts';

/** A running Keyhold, where one is named; otherwise the data folder of a stopped one. */
export type Where = { readonly running: KeyholdApi } | { readonly stopped: Config; readonly log: Log };

/** Which Keyhold a command is about. Throws `StartError` (2) for a running one without a token. */
export async function whichKeyhold(options: ClientOptions, terminal: Terminal): Promise<Where> {
  const { config } = loadProcessConfig();
  const running = await runningKeyhold(config.client, options);
  if (running !== undefined) return { running };
  return { stopped: config, log: createLog({ level: 'warn', destination: { write: (line) => terminal.error(line) }, pretty: true }) };
}

/** Says how to reach a Keyhold that turned out to be running. */
export async function onStopped<T>(work: Promise<T>): Promise<T> {
  return work.catch((error: unknown) => {
    if (!(error instanceof StartError && error.exitCode === 5)) throw error;
    throw new StartError(5, `${error.message}\nOr do it while it runs: set KEYHOLD_URL to its address and KEYHOLD_TOKEN to a platform-admin's token, or sign in with keyhold login.`, { cause: error });
  });
}
