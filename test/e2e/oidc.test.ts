import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { callKeyhold } from '../../src/adapters/keyhold-api/call-keyhold.ts';
import { logIn } from '../../src/command-line/login/log-in.ts';
import { logOut } from '../../src/command-line/login/log-out.ts';
import { runningKeyhold } from '../../src/command-line/running-keyhold.ts';
import { apiOf, handOver, makeTenant, type TestTenant } from '../support/api.ts';
import { hello, openAi } from '../support/openai-sdk.ts';
import { until } from '../support/outcome.ts';
import { temporaryFolder } from '../support/product.ts';
import { type ProductWithProvider, startProductWithProvider, usageEvent } from '../support/product-with-provider.ts';
import { Browser, type Visited } from '../support/servers/oidc/browser.ts';
import { refreshed, tokensFor } from '../support/servers/oidc/issued-tokens.ts';
import { freePort } from '../support/servers/free-port.ts';
import { OIDC_AUDIENCE, OIDC_CLIENT_SECRET, type OidcServer, startOidcServer } from '../support/servers/oidc/oidc-server.ts';

let folder: string;
let publicUrl: string;
let server: OidcServer;
let world: ProductWithProvider;
let acme: TestTenant;

beforeAll(async () => {
  server = await startOidcServer();
  folder = await temporaryFolder();
  const [issuers, secret] = [join(folder, 'issuers.json'), join(folder, 'secret')];
  const port = await freePort();
  publicUrl = `http://127.0.0.1:${port}`;
  await server.registerWebClient(publicUrl);
  await writeFile(secret, OIDC_CLIENT_SECRET);
  await writeFile(issuers, JSON.stringify({ issuers: [{ issuer: server.issuer, name: 'Ours', audience: OIDC_AUDIENCE, clientId: 'keyhold', clientSecretFile: secret, cliClientId: 'keyhold-cli', cliScope: 'openid offline_access api', tenants: ['acme'], highestRole: 'tenant-admin' }] }));
  world = await startProductWithProvider({ env: { KEYHOLD_LISTEN: `127.0.0.1:${port}`, KEYHOLD_PUBLIC_URL: publicUrl, KEYHOLD_OIDC_ISSUERS_FILE: issuers, KEYHOLD_EGRESS_ALLOW_HOSTS: '127.0.0.1' } });
  acme = await makeTenant(world.product, 'acme');
  await handOver(acme, 'openai', 'sk-test-key-of-acme-for-users-0001');
});

afterAll(async () => {
  await world.close();
  await server.close();
  await rm(folder, { recursive: true, force: true });
});

const completion = (token: string, model: string) => openAi(world.product, token).chat.completions.create(hello(model));

describe('a process with a real identity provider (S22, S23)', () => {
  it('takes its access tokens on the control plane and the gateway, from whom it was told of, until that ends', async () => {
    const { product } = world;
    const tokens = await tokensFor(server, 'ada');
    const ada = apiOf(product.url, tokens.accessToken);
    expect((await ada.call('GET', '/api/v1/me')).status).toBe(401);

    const { id } = (await acme.admin.must('POST', '/api/v1/tenants/acme/users', { issuer: server.issuer, subject: 'ada', name: 'Ada', role: 'tenant-member' })).body;
    expect((await ada.must('GET', '/api/v1/me')).body).toMatchObject({ kind: 'user', id, role: 'tenant-member', tenant: 'acme' });
    expect((await ada.call('PUT', '/api/v1/tenants/acme/policy', {})).status).toBe(403);
    expect((await ada.call('GET', '/api/v1/tenants/globex/policy')).status).toBe(404);
    await completion(tokens.accessToken, 'with-a-users-token');
    expect(await usageEvent(acme, 'with-a-users-token')).toMatchObject({ outcome: 'completed', tokenId: id });

    const again = await refreshed(server, tokens);
    await completion(again.accessToken, 'with-a-refreshed-token');
    for (const text of [tokens.idToken, tokens.refreshToken, `${again.accessToken}x`, (await tokensFor(server, 'eve')).accessToken]) {
      expect((await apiOf(product.url, text).call('GET', '/api/v1/me')).status).toBe(401);
      await expect(completion(text, 'refused')).rejects.toMatchObject({ status: 401 });
    }

    await acme.admin.must('PATCH', `/api/v1/tenants/acme/users/${String(id)}`, { disabled: true });
    expect((await ada.call('GET', '/api/v1/tenants/acme/policy')).status).toBe(404);
    await expect(completion(tokens.accessToken, 'disabled')).rejects.toMatchObject({ status: 403 });
    for (const secret of [tokens.accessToken, tokens.idToken, tokens.refreshToken]) expect(product.output()).not.toContain(secret);
  });

  it('signs people in with a browser for a session, anew for what needs it, and out on both sides', async () => {
    await acme.admin.must('POST', '/api/v1/tenants/acme/users', { issuer: server.issuer, subject: 'bea', name: 'Bea', role: 'tenant-admin' });
    server.user = 'bea';
    const browser = new Browser();
    const signIn = async (query: string): Promise<Visited> => browser.follow(`${publicUrl}/api/v1/sign-in/start?${query}`);
    const cookie = () => `__Host-keyhold-session=${browser.cookie('127.0.0.1', '__Host-keyhold-session')}`;
    const ask = (method: string, path: string, body?: object) =>
      fetch(publicUrl + path, { method, headers: { cookie: cookie(), origin: publicUrl, 'content-type': 'application/json' }, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });

    expect(await (await fetch(`${publicUrl}/api/v1/sign-in`)).json()).toEqual({ token: true, issuers: [{ issuer: server.issuer, name: 'Ours' }], terminals: [{ issuer: server.issuer, name: 'Ours', clientId: 'keyhold-cli', scope: 'openid offline_access api', audience: OIDC_AUDIENCE }] });
    const page = await signIn('returnTo=/tenants%3Fa=1%26b="><script>');
    expect([page.status, page.headers.get('content-type'), page.headers.get('cache-control')]).toEqual([200, 'text/html; charset=utf-8', 'no-store']);
    expect(page.text).toContain('content="0;url=/tenants?a=1&#38;b=&#34;&#62;&#60;script&#62;"');
    expect(page.headers.getSetCookie()).toEqual([expect.stringMatching(/^__Host-keyhold-session=kh_s_\w+; Path=\/; Secure; HttpOnly; SameSite=Strict$/), '__Host-keyhold-sign-in=; Max-Age=0; Path=/; Secure; HttpOnly; SameSite=Lax']);
    const first = cookie();
    expect(await (await ask('GET', '/api/v1/me')).json()).toMatchObject({ kind: 'user', tenant: 'acme', role: 'tenant-admin' });
    expect((await fetch(page.url, { headers: { cookie: first } })).status).toBe(401);

    expect(await (await ask('POST', '/api/v1/tenants/acme/tokens', { name: 'x', role: 'tenant-auditor' })).json()).toMatchObject({ error: { details: { freshSignIn: true } } });
    expect((await signIn('fresh=true')).status).toBe(200);
    expect((await ask('POST', '/api/v1/tenants/acme/tokens', { name: 'x', role: 'tenant-auditor' })).status).toBe(201);
    expect((await fetch(`${publicUrl}/api/v1/me`, { headers: { cookie: first } })).status).toBe(401);

    const second = cookie();
    const out = await ask('POST', '/api/v1/sign-out', {});
    const { endSessionUrl } = (await out.json()) as { endSessionUrl: string };
    expect([out.status, new URL(endSessionUrl).origin, new URL(endSessionUrl).searchParams.get('post_logout_redirect_uri')]).toEqual([200, server.issuer, `${publicUrl}/`]);
    expect((await fetch(`${publicUrl}/api/v1/me`, { headers: { cookie: second } })).status).toBe(401);

    await signIn('');
    const third = cookie();
    expect((await ask('GET', '/api/v1/me')).status).toBe(200);
    await browser.follow(endSessionUrl, (url) => url === `${publicUrl}/`);
    // The provider tells Keyhold by itself.
    await until('the session is over', async () => (await fetch(`${publicUrl}/api/v1/me`, { headers: { cookie: third } })).status === 401);

    for (const query of ['issuer=https://evil.example', 'returnTo=//evil.example', 'returnTo=https://evil.example', 'fresh=1', 'more=1']) expect((await browser.open(`${publicUrl}/api/v1/sign-in/start?${query}`)).status).toBe(400);
    expect((await browser.open(`${publicUrl}/api/v1/sign-in/backchannel-logout`, { logout_token: 'nonsense' })).status).toBe(400);
    expect((await browser.open(`${publicUrl}/api/v1/sign-in/backchannel-logout`, {})).status).toBe(400);
    expect((await browser.open(`${publicUrl}/api/v1/sign-in`, { token: 'nonsense' })).status).toBe(400);
    for (const secret of [first, second, third]) expect(world.product.output()).not.toContain(secret.slice(-49));
    expect(world.product.output()).not.toMatch(/id_token|eyJ/u);
  });

  it('lets people sign in at a terminal by the device flow (RFC 8628), with a token that is renewed, until they sign out', async () => {
    await acme.admin.must('POST', '/api/v1/tenants/acme/users', { issuer: server.issuer, subject: 'cleo', name: 'Cleo', role: 'tenant-auditor' });
    server.user = 'cleo';
    // Shorter than what a terminal keeps ahead, so that the next command renews it.
    server.accessTokenSeconds = 30;
    try {
      const client = { url: publicUrl, token: null, loginsFile: join(folder, 'terminal', 'logins.json') };
      const said: string[] = [];
      let visiting: Promise<Visited> | undefined;
      const say = (text: string): void => {
        said.push(text);
        const page = /http\S+user_code=\S+/.exec(text)?.[0];
        if (page !== undefined) visiting = new Browser().follow(page);
      };
      await logIn(client, {}, Object.assign(new PassThrough(), { isTTY: true }), { out: say, error: say, isTerminal: true });
      expect((await visiting)?.status).toBe(200);
      expect(said.join('')).toContain('tenant-auditor of acme');
      const kept = (await readFile(client.loginsFile, 'utf8')).match(/"token": "([^"]+)"/)?.[1];
      server.accessTokenSeconds = 3_600;
      const api = (await runningKeyhold(client, {}))!;
      expect(api.token.reveal()).not.toBe(kept);
      expect(await callKeyhold(api, { method: 'GET', path: '/api/v1/me' })).toMatchObject({ kind: 'user', tenant: 'acme', role: 'tenant-auditor' });
      // Still good for an hour: nothing is asked of the provider.
      expect((await runningKeyhold(client, {}))?.token.reveal()).toBe(api.token.reveal());
      await logOut(client, {}, { out: say, error: say, isTerminal: true });
      expect(said.at(-1)).toContain('has ended the sign-in, too');
      await expect(runningKeyhold(client, {})).rejects.toThrow('keyhold login');
    } finally {
      server.accessTokenSeconds = 3_600;
    }
  });
});
