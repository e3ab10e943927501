import { createHash, randomBytes } from 'node:crypto';
import { Browser } from './browser.ts';
import { OIDC_AUDIENCE, type OidcServer } from './oidc-server.ts';

export interface IssuedByProvider {
  readonly accessToken: string;
  readonly idToken: string;
  readonly refreshToken: string;
}

const REDIRECT = 'http://127.0.0.1/callback';
const CLIENT = 'keyhold-cli';

/** What somebody gets who signs in with a program of their own: authorization code with PKCE, and a token for `resource`. */
export async function tokensFor(server: OidcServer, user: string, resource = OIDC_AUDIENCE): Promise<IssuedByProvider> {
  server.user = user;
  const verifier = randomBytes(32).toString('base64url');
  const query = new URLSearchParams({
    client_id: CLIENT,
    response_type: 'code',
    redirect_uri: REDIRECT,
    scope: 'openid offline_access api',
    resource,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  });
  const back = await new Browser().follow(`${server.issuer}/auth?${query.toString()}`, (url) => url.startsWith(REDIRECT));
  const code = new URL(back.url).searchParams.get('code');
  if (code === null) throw new Error(`The provider gave no code: ${back.url} ${back.text}`);
  return asked(server, { grant_type: 'authorization_code', code, redirect_uri: REDIRECT, code_verifier: verifier, resource });
}

/** What a refresh token gives. */
export async function refreshed(server: OidcServer, { refreshToken }: IssuedByProvider): Promise<IssuedByProvider> {
  return asked(server, { grant_type: 'refresh_token', refresh_token: refreshToken });
}

async function asked(server: OidcServer, form: Readonly<Record<string, string>>): Promise<IssuedByProvider> {
  const response = await fetch(`${server.issuer}/token`, { method: 'POST', body: new URLSearchParams({ client_id: CLIENT, ...form }) });
  const answer = (await response.json()) as Record<string, string>;
  const { access_token: accessToken, id_token: idToken, refresh_token: refreshToken } = answer;
  if (accessToken === undefined || idToken === undefined || refreshToken === undefined) throw new Error(`The provider gave no tokens: ${JSON.stringify(answer)}`);
  return { accessToken, idToken, refreshToken };
}
