import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import { callKeyhold, callUnknown, type KeyholdApi, KeyholdRefusal, unexpectedAnswer } from '../../adapters/keyhold-api/call-keyhold.ts';
import type { Login } from '../../adapters/keyhold-logins/kept-logins.ts';
import { visibleText } from '../../adapters/log/visible-text.ts';
import { readClientOverrides } from '../../config/client-overrides.ts';
import type { Config } from '../../config/config.ts';
import { SecretValue } from '../../ports/secret-value.ts';
import { StartError } from '../../ports/start-error.ts';
import { askSecret, type SecretInput } from '../ask-secret.ts';
import type { Terminal } from '../terminal.ts';
import { askInBrowser, subjectOf } from './in-browser.ts';
import { keptLogins } from './kept.ts';

export interface LoginOptions {
  readonly url?: string;
  /** With an API token, also where there is an identity provider. */
  readonly token?: boolean;
  /** Which identity provider, by its address or its name. */
  readonly issuer?: string;
}

const TerminalWay = Type.Object({ issuer: Type.String(), name: Type.String(), clientId: Type.String(), scope: Type.String(), audience: Type.String() });
const Ways = Type.Object({ token: Type.Boolean(), terminals: Type.Array(TerminalWay) });
const Me = Type.Object({ kind: Type.String(), id: Type.String(), holdings: Type.Array(Type.Object({ role: Type.String(), tenant: Type.Union([Type.String(), Type.Null()]) })) });

type Way = Static<typeof TerminalWay>;

/** Signs in with an API token, or at an identity provider, once it is known that it is Keyhold who gets what that gives, and keeps what is right. Throws `StartError`. */
export async function logIn(client: Config['client'], options: LoginOptions, input: SecretInput, terminal: Terminal): Promise<void> {
  const { url } = readClientOverrides(client, options.url === undefined ? {} : { url: options.url });
  if (url === null) throw new StartError(2, 'Which Keyhold? Give its address: keyhold login --url https://keyhold.example.com (or set KEYHOLD_URL).');
  const logins = keptLogins(client);
  const way = chosen(await waysInto(url), options, input);
  const login = way === undefined ? await withToken(url, input, terminal) : { url, ...(await askInBrowser(way, terminal)) };
  const who = await whoIs({ url, token: new SecretValue(login.token) }, way);
  await logins.keep(login);
  terminal.out(`Signed in to ${url} as ${visibleText(who)}.\nKept in ${visibleText(logins.file)}, until \`keyhold logout\`.\n`);
  if (client.token !== null) terminal.error('keyhold: KEYHOLD_TOKEN is set, and comes before what was kept now. Unset it to use this sign-in.\n');
}

/** Nothing is shown to what is not Keyhold. */
async function waysInto(url: string): Promise<Static<typeof Ways>> {
  const ways = await callUnknown(url, { method: 'GET', path: '/api/v1/sign-in' }).catch((error: unknown) => {
    throw error instanceof KeyholdRefusal && error.code === '' ? unexpectedAnswer({ url }) : error;
  });
  if (!Value.Check(Ways, ways)) throw unexpectedAnswer({ url });
  return ways;
}

/** undefined: with a token. */
function chosen({ terminals }: Static<typeof Ways>, { token = false, issuer }: LoginOptions, { isTTY = false }: SecretInput): Way | undefined {
  const named = terminals.filter((way) => issuer === undefined || way.issuer === issuer || way.name === issuer);
  const [only, ...others] = named;
  if (issuer === undefined && (token || !isTTY || only === undefined)) return undefined;
  if (only !== undefined && others.length === 0) return only;
  const known = terminals.map((way) => `--issuer ${JSON.stringify(way.name)}`).join(', ');
  throw new StartError(2, known === '' ? 'This Keyhold takes no sign-ins of an identity provider from terminals. Leave --issuer out, and use an API token.' : `At which identity provider? ${known}; or --token for an API token.`);
}

async function withToken(url: string, input: SecretInput, terminal: Terminal): Promise<Login> {
  const token = (await askSecret(`API token (kh_t_…) for ${url}: `, input, terminal)).reveal();
  if (!/^[\x21-\x7e]+$/u.test(token)) throw new StartError(1, 'What was given is no token: it holds spaces, control characters or letters outside ASCII. Nothing was kept.');
  return { url, token };
}

/** In words, for the person. */
async function whoIs(api: KeyholdApi, way: Way | undefined): Promise<string> {
  const me = await callKeyhold(api, { method: 'GET', path: '/api/v1/me' }).catch((error: unknown) => {
    if (!(error instanceof KeyholdRefusal && error.code === 'unauthenticated')) throw error;
    const advice = way === undefined ? `this token: ${error.said}` : `this user. An administrator can invite the issuer ${way.issuer} and the subject ${visibleText(subjectOf(api.token.reveal()))}.`;
    throw new StartError(1, `${api.url} does not know ${advice} Nothing was kept.`, { cause: error });
  });
  if (!Value.Check(Me, me)) throw unexpectedAnswer(api);
  const roles = me.holdings.map(({ role, tenant }) => (tenant === null ? role : `${role} of ${tenant}`));
  return `${me.kind} ${me.id} (${roles.length === 0 ? 'without any role' : roles.join(', ')})`;
}
