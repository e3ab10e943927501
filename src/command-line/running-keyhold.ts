import type { KeyholdApi } from '../adapters/keyhold-api/call-keyhold.ts';
import { isFresh, renewed } from '../adapters/device-sign-in/provider-tokens.ts';
import { KeptLogins, type Login } from '../adapters/keyhold-logins/kept-logins.ts';
import { readClientOverrides } from '../config/client-overrides.ts';
import type { Config } from '../config/config.ts';
import { SecretValue } from '../ports/secret-value.ts';
import { StartError } from '../ports/start-error.ts';
import { loadProcessConfig } from './load.ts';

/** What the options of a command say of a running Keyhold. */
export interface ClientOptions {
  readonly url?: string;
  readonly tokenFile?: string;
}

/**
 * The running Keyhold that a command is for, with the token that options or variables name, else with that of `keyhold login`; undefined where no Keyhold is named. Throws `StartError` (2) for one
 * without a token, and what cannot be read of a login.
 */
export async function runningKeyhold(client: Config['client'], options: ClientOptions): Promise<KeyholdApi | undefined> {
  const { url, token } = readClientOverrides(client, options);
  return url === null ? undefined : { url, token: token ?? (await keptToken(client, url)) };
}

/** The running Keyhold that a command cannot do without: by its options, else this process's configuration, else the only one that the user has signed in to. Throws `StartError` (2). */
export async function requiredKeyhold(options: ClientOptions): Promise<KeyholdApi> {
  const { client } = loadProcessConfig().config;
  const named = await runningKeyhold(client, options);
  if (named !== undefined) return named;
  const [only, ...others] = client.loginsFile === null ? [] : new KeptLogins(client.loginsFile).all();
  if (only === undefined || others.length > 0) throw new StartError(2, 'Which Keyhold? Set KEYHOLD_URL to its address, for example http://127.0.0.1:8080, or give --url. Sign in to a single one with `keyhold login`, and it is that.');
  return { url: only.url, token: client.token ?? (await keptToken(client, only.url)) };
}

async function keptToken({ loginsFile }: Config['client'], url: string): Promise<SecretValue> {
  const login = loginsFile === null ? undefined : await usable(new KeptLogins(loginsFile), url);
  if (login === undefined) throw new StartError(2, `A running Keyhold (${url}) is asked with a token. Sign in with \`keyhold login\`, set KEYHOLD_TOKEN or KEYHOLD_TOKEN_FILE, or give --token-file.`);
  return new SecretValue(login.token);
}

/** With an access token that is renewed, where that is nearly over. */
async function usable(logins: KeptLogins, url: string): Promise<Login | undefined> {
  const login = logins.find(url);
  if (login?.renewal === undefined || isFresh(login.renewal)) return login;
  return logins.change(url, async (now) => {
    // Another command may have renewed it meanwhile.
    if (now.renewal === undefined || isFresh(now.renewal)) return now;
    const { accessToken, renewal } = await renewed(now.renewal);
    return { url, token: accessToken, renewal };
  });
}
