import { resolve } from 'node:path';
import type { SecretValue } from '../ports/secret-value.ts';
import { StartError } from '../ports/start-error.ts';
import type { Config } from './config.ts';
import { InvalidValue } from './invalid-value.ts';
import { apiToken } from './parsers.ts';
import { keyholdUrl } from './service-base-urls.ts';
import { readSecretFile } from './variables.ts';

/** Where a running Keyhold is, and the token for it: what a command's options say, else the configuration. Throws `StartError` (2). */
export function readClientOverrides(client: Config['client'], options: { readonly url?: string; readonly tokenFile?: string }): { readonly url: string | null; readonly token: SecretValue | null } {
  try {
    return {
      url: options.url === undefined ? client.url : keyholdUrl(options.url),
      token: options.tokenFile === undefined ? client.token : apiToken(readSecretFile('--token-file', resolve(options.tokenFile))),
    };
  } catch (error) {
    if (error instanceof InvalidValue) throw new StartError(2, `What was given for the running Keyhold ${error.message}.`);
    throw error;
  }
}
