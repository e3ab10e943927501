import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { callKeyhold, callUnknown, type KeyholdApi, KeyholdRefusal, unexpectedAnswer } from '../../adapters/keyhold-api/call-keyhold.ts';
import { visibleText } from '../../adapters/log/visible-text.ts';
import { readClientOverrides } from '../../config/client-overrides.ts';
import type { Config } from '../../config/config.ts';
import { StartError } from '../../ports/start-error.ts';
import { askSecret, type SecretInput } from '../ask-secret.ts';
import type { Terminal } from '../terminal.ts';
import { keptLogins } from './kept.ts';

export interface LoginOptions {
  readonly url?: string;
}

const Health = Type.Object({ status: Type.Literal('ok'), secrets: Type.Object({ vault_enabled: Type.Boolean() }) });
const Me = Type.Object({ kind: Type.String(), id: Type.String(), holdings: Type.Array(Type.Object({ role: Type.String(), tenant: Type.Union([Type.String(), Type.Null()]) })) });

/** Signs in with an API token, once it is known that it is Keyhold who gets it, and that it is right. Throws `StartError`. */
export async function logIn(client: Config['client'], options: LoginOptions, input: SecretInput, terminal: Terminal): Promise<void> {
  const { url } = readClientOverrides(client, options);
  if (url === null) throw new StartError(2, 'Which Keyhold? Give its address: keyhold login --url https://keyhold.example.com (or set KEYHOLD_URL).');
  const logins = keptLogins(client);
  await requireKeyhold(url);
  const token = await askSecret(`API token (kh_t_…) for ${url}: `, input, terminal);
  if (!/^[\x21-\x7e]+$/u.test(token.reveal())) throw new StartError(1, 'What was given is no token: it holds spaces, control characters or letters outside ASCII. Nothing was kept.');
  const who = await whoIs({ url, token });
  await logins.keep({ url, token: token.reveal() });
  terminal.out(`Signed in to ${url} as ${visibleText(who)}.\nKept in ${visibleText(logins.file)}, until \`keyhold logout\`.\n`);
  if (client.token !== null) terminal.error('keyhold: KEYHOLD_TOKEN is set, and comes before what was kept now. Unset it to use this sign-in.\n');
}

/** A token is shown to nobody who is not Keyhold. */
async function requireKeyhold(url: string): Promise<void> {
  const health = await callUnknown(url, { method: 'GET', path: '/api/v1/health' }).catch((error: unknown) => {
    throw error instanceof KeyholdRefusal && error.code === '' ? unexpectedAnswer({ url }) : error;
  });
  if (!Value.Check(Health, health)) throw unexpectedAnswer({ url });
}

/** In words, for the person. */
async function whoIs(api: KeyholdApi): Promise<string> {
  const me = await callKeyhold(api, { method: 'GET', path: '/api/v1/me' }).catch((error: unknown) => {
    if (error instanceof KeyholdRefusal && error.code === 'unauthenticated') throw new StartError(1, `${api.url} does not know this token: ${error.said} Nothing was kept.`, { cause: error });
    throw error;
  });
  if (!Value.Check(Me, me)) throw unexpectedAnswer(api);
  const roles = me.holdings.map(({ role, tenant }) => (tenant === null ? role : `${role} of ${tenant}`));
  return `${me.kind} ${me.id} (${roles.length === 0 ? 'without any role' : roles.join(', ')})`;
}
