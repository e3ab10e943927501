import type { KeyholdApi } from '../adapters/keyhold-api/call-keyhold.ts';
import { readClientOverrides } from '../config/client-overrides.ts';
import type { Config } from '../config/config.ts';
import { StartError } from '../ports/start-error.ts';
import { loadProcessConfig } from './load.ts';

/** What the options of a command say of a running Keyhold. */
export interface ClientOptions {
  readonly url?: string;
  readonly tokenFile?: string;
}

/** The running Keyhold that a command is for; undefined where none is named. Throws `StartError` (2) for one without a token. */
export function runningKeyhold(client: Config['client'], options: ClientOptions): KeyholdApi | undefined {
  const { url, token } = readClientOverrides(client, options);
  if (url === null) return undefined;
  if (token === null) throw new StartError(2, `A running Keyhold (${url}) is asked with a token. Set KEYHOLD_TOKEN or KEYHOLD_TOKEN_FILE, or give --token-file.`);
  return { url, token };
}

/** The running Keyhold that a command cannot do without, by its options or else this process's configuration. Throws `StartError` (2). */
export function requiredKeyhold(options: ClientOptions): KeyholdApi {
  const api = runningKeyhold(loadProcessConfig().config.client, options);
  if (api === undefined) throw new StartError(2, 'Which Keyhold? Set KEYHOLD_URL to its address, for example http://127.0.0.1:8080, or give --url.');
  return api;
}
