import { KeptLogins } from '../../adapters/keyhold-logins/kept-logins.ts';
import type { Config } from '../../config/config.ts';
import { StartError } from '../../ports/start-error.ts';

/** What this user has signed in to. Throws `StartError` (2) for a user without a folder. */
export function keptLogins({ loginsFile }: Config['client']): KeptLogins {
  if (loginsFile === null) throw new StartError(2, 'There is no folder to keep a sign-in in: neither HOME nor XDG_CONFIG_HOME names one. Set one of them, or use KEYHOLD_TOKEN_FILE instead.');
  return new KeptLogins(loginsFile);
}
