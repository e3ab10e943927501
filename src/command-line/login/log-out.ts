import { revoked } from '../../adapters/device-sign-in/provider-tokens.ts';
import { visibleText } from '../../adapters/log/visible-text.ts';
import { readClientOverrides } from '../../config/client-overrides.ts';
import type { Config } from '../../config/config.ts';
import { StartError } from '../../ports/start-error.ts';
import type { Terminal } from '../terminal.ts';
import { keptLogins } from './kept.ts';
import type { LoginOptions } from './log-in.ts';

/** Forgets a sign-in. Throws `StartError`. */
export async function logOut(client: Config['client'], options: LoginOptions, terminal: Terminal): Promise<void> {
  const logins = keptLogins(client);
  const named = readClientOverrides(client, options.url === undefined ? {} : { url: options.url }).url;
  const [only, ...others] = logins.all();
  if (named === null && others.length > 0) throw new StartError(2, `Of which Keyhold? Give --url: ${[only, ...others].map((login) => login?.url).join(', ')}.`);
  const url = named ?? only?.url;
  const forgotten = url === undefined ? undefined : await logins.forget(url);
  if (forgotten === undefined) {
    terminal.out('Nothing was kept. There is nothing to forget.\n');
    return;
  }
  const { renewal } = forgotten;
  const after = renewal === undefined ? 'The API token itself goes on; whoever made it can revoke it.' : (await revoked(renewal)) ? `${renewal.issuer} has ended the sign-in, too.` : `At ${renewal.issuer} the sign-in goes on until it ends by itself.`;
  terminal.out(`Signed out of ${forgotten.url} here. ${visibleText(after)}\n`);
}
