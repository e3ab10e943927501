import { Browser } from '../servers/oidc/browser.ts';
import { type CanaryWorld, ofTenant, PUBLIC_URL } from './canary-world.ts';

/** Somebody signs in at the identity provider with a browser, and out there: code, tokens, what the browser keeps and the client's secret are in nothing that stays. */
export async function signInAtProvider(world: CanaryWorld): Promise<void> {
  const { oidc, witness, canaries } = world;
  await oidc.registerWebClient(PUBLIC_URL, witness.url);
  oidc.user = 'browser-user';
  await world.ok({ method: 'POST', path: `${ofTenant}/users`, token: world.admin, body: { issuer: oidc.issuer, subject: oidc.user, name: 'Browser', role: 'tenant-member' } });
  const begun = await witness.expect(302, { method: 'GET', path: '/api/v1/sign-in/start', shows: 'set-cookie' });
  const kept = cookieOf(begun.headers['set-cookie']);
  canaries.text('what the browser keeps while it signs in', kept.slice(kept.indexOf('=') + 1));
  const browser = new Browser();
  const { url } = await browser.follow(String(begun.headers['location']), (next) => next.startsWith(PUBLIC_URL));
  canaries.text('authorization code', new URL(url).searchParams.get('code') ?? '');
  const { headers } = await world.ok({ method: 'GET', path: url.slice(PUBLIC_URL.length), headers: { cookie: kept }, shows: 'set-cookie' });
  const cookie = cookieOf(headers['set-cookie']);
  canaries.token('session of a user', cookie.slice(cookie.indexOf('=') + 1));
  for (const token of oidc.issued) canaries.text('token of the identity provider', token.slice(-80));
  await world.ok({ method: 'GET', path: '/api/v1/me', headers: { cookie } });
  await browser.follow(`${oidc.issuer}/session/end?client_id=keyhold&post_logout_redirect_uri=${encodeURIComponent(`${PUBLIC_URL}/`)}`, (next) => next.startsWith(PUBLIC_URL));
  await world.statuses([[401, { method: 'GET', path: '/api/v1/me', headers: { cookie } }]]);
}

function cookieOf(header: string | string[] | undefined): string {
  return [header ?? ''].flat()[0]?.split(';', 1)[0] ?? '';
}
