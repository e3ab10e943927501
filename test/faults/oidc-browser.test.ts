import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text as textOf } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Issuer } from '../../src/core/access/issuer.ts';
import { userIdOf } from '../../src/core/access/user-id.ts';
import { type BrowserSignInWorld, createBrowserSignInWorld } from '../support/browser-sign-in-world.ts';
import { until } from '../support/outcome.ts';
import { Browser } from '../support/servers/oidc/browser.ts';
import { type OidcServer, startOidcServer } from '../support/servers/oidc/oidc-server.ts';

let server: OidcServer;
let other: OidcServer;
/** What providers send to Keyhold by themselves. */
const told: string[] = [];
const keyhold = createServer((request, response) => {
  void textOf(request).then((body) => told.push(body));
  response.end();
});
let publicUrl: string;
const open: BrowserSignInWorld[] = [];

beforeAll(async () => {
  keyhold.listen(0, '127.0.0.1');
  await once(keyhold, 'listening');
  publicUrl = `http://127.0.0.1:${(keyhold.address() as AddressInfo).port}`;
  [server, other] = await Promise.all([startOidcServer(), startOidcServer()]);
  await Promise.all([server, other].map((one) => one.registerWebClient(publicUrl)));
});

afterAll(async () => {
  await Promise.all(open.map((world) => world.close()));
  await Promise.all([server.close(), other.close()]);
  keyhold.closeAllConnections();
  keyhold.close();
});

async function setUp(change: Partial<Issuer> = {}, servers = [server]): Promise<BrowserSignInWorld> {
  const world = await createBrowserSignInWorld(servers, { publicUrl, change });
  open.push(world);
  server.user = 'ada';
  server.away = false;
  return world;
}

const nobody = { code: 'unauthenticated' };

describe('signing in with a browser at a real identity provider (S23, S24)', () => {
  it('gives a session of whoever was invited, under what the provider calls them, and nobody else one', async () => {
    const world = await setUp();
    await expect(world.signIn()).rejects.toMatchObject({ ...nobody, publicMessage: expect.stringContaining('subject ada') });
    await world.invite('ada');
    await world.give('ada');
    await world.bus.publish({ topic: 'user', id: userIdOf(server.issuer, 'ada'), version: 1 });
    const { text, returnTo } = await world.signIn({ returnTo: '/tenants/acme?tab=keys#x' });
    expect(returnTo).toBe('/tenants/acme?tab=keys#x');
    expect(await world.actorOf(text)).toMatchObject({ kind: 'user', id: userIdOf(server.issuer, 'ada'), role: 'tenant-member', scope: world.acme, authenticatedAt: 0 });
    const stored = await world.store.users.get({ id: userIdOf(server.issuer, 'ada') });
    expect(stored?.record).toMatchObject({ name: 'Test ada', email: 'ada@example.com', lastSignInAt: expect.any(Number) });
    expect(world.rows).toEqual(expect.arrayContaining([expect.stringContaining('intent session.begin usr_')]));
    expect(world.signIns.ways()).toEqual([{ issuer: server.issuer, name: server.issuer }]);
  });

  it('lets somebody in uninvited where the issuer\'s entry says so', async () => {
    const world = await setUp({ firstSignIn: { tenant: 'acme', role: 'tenant-auditor' } });
    server.user = 'new';
    expect(await world.actorOf((await world.signIn()).text)).toMatchObject({ role: 'tenant-auditor', scope: world.acme });
  });

  it('asks anew for a fresh sign-in, which ends the session before, and takes no old one for it', async () => {
    const world = await setUp();
    await world.invite('ada');
    const browser = new Browser();
    const before = await world.signIn({}, browser);
    const { text } = await world.signIn({ fresh: true, previous: before.id }, browser);
    expect(await world.actorOf(before.text)).toBeUndefined();
    const at = (await world.actorOf(text))?.authenticatedAt ?? 0;
    expect(Math.abs(Date.now() - at)).toBeLessThan(60_000);
    const { location, sealed } = await world.start({ fresh: true });
    const without = new URL(location);
    for (const name of ['prompt', 'max_age']) without.searchParams.delete(name);
    await expect(world.signIns.finish(sealed, await world.visit(without.href, browser), 'req')).rejects.toMatchObject({ ...nobody, publicMessage: expect.stringContaining('auth_time') });
  });

  it('takes an answer from the browser that asked for it, once, within ten minutes (login CSRF, state reuse)', async () => {
    const world = await setUp();
    await world.invite('ada');
    const { location, sealed } = await world.start();
    const answer = await world.visit(location);
    const changed = (name: string, value: string | null) => {
      const parameters = new URLSearchParams(answer);
      if (value === null) parameters.delete(name);
      else parameters.set(name, value);
      return parameters;
    };
    const theirs = await world.start();
    const refused = async (cookie: string, parameters: URLSearchParams) => expect(world.signIns.finish(cookie, parameters, 'req')).rejects.toMatchObject(nobody);
    const asked = server.asked.length;
    await refused(theirs.sealed, answer);
    await refused(sealed, changed('state', 'another'));
    await refused(sealed, changed('state', null));
    await refused('', answer);
    await refused(`${sealed.slice(0, -4)}AAAA`, answer);
    await refused('x'.repeat(10_000), answer);
    expect(server.asked).toHaveLength(asked);
    await world.signIns.finish(sealed, answer, 'req');
    await refused(sealed, answer);
    expect(server.asked.slice(asked).filter((path) => path === '/token')).toHaveLength(1);
    const late = await world.start();
    const lateAnswer = await world.visit(late.location);
    world.advance(600_001);
    await refused(late.sealed, lateAnswer);
  });

  it('takes no code that was asked for by somebody else, or used before (PKCE, nonce)', async () => {
    const world = await setUp();
    await world.invite('ada');
    const [mine, theirs] = [await world.start(), await world.start()];
    const [myAnswer, theirAnswer] = [await world.visit(mine.location), await world.visit(theirs.location)];
    const injected = new URLSearchParams(myAnswer);
    injected.set('code', theirAnswer.get('code') ?? '');
    await expect(world.signIns.finish(mine.sealed, injected, 'req')).rejects.toMatchObject({ ...nobody, publicMessage: expect.stringContaining('code') });
    const again = await world.start();
    const replayed = await world.visit(again.location);
    const used = await world.start();
    const usedAnswer = await world.visit(used.location);
    await world.signIns.finish(used.sealed, usedAnswer, 'req');
    replayed.set('code', usedAnswer.get('code') ?? '');
    await expect(world.signIns.finish(again.sealed, replayed, 'req')).rejects.toMatchObject(nobody);
  });

  it('shows no code to another provider than the one that gave it (mix-up, RFC 9207)', async () => {
    const world = await setUp({}, [server, other]);
    await world.invite('ada');
    for (const iss of [other.issuer, `${server.issuer}/`, null]) {
      const { location, sealed } = await world.start();
      const answer = await world.visit(location);
      if (iss === null) answer.delete('iss');
      else answer.set('iss', iss);
      const asked = server.asked.length;
      await expect(world.signIns.finish(sealed, answer, 'req')).rejects.toMatchObject(nobody);
      expect([server.asked.length, other.asked.includes('/token')]).toEqual([asked, false]);
    }
    // The same person at the other one is somebody else.
    const elsewhere = await world.start({ issuer: other.issuer });
    other.user = 'ada';
    await expect(world.signIns.finish(elsewhere.sealed, await world.visit(elsewhere.location), 'req')).rejects.toMatchObject(nobody);
  });

  it('says what the provider says that is no sign-in, and 503 while it cannot be asked', async () => {
    const world = await setUp();
    const { location, sealed } = await world.start();
    const state = new URL(location).searchParams.get('state') ?? '';
    const denied = new URLSearchParams({ state, error: 'access_denied', error_description: '<script>', iss: server.issuer });
    await expect(world.signIns.finish(sealed, denied, 'req')).rejects.toMatchObject({ ...nobody, publicMessage: expect.stringContaining('access_denied') });
    const next = await world.start();
    const answer = await world.visit(next.location);
    server.away = true;
    await expect(world.signIns.finish(next.sealed, answer, 'req')).rejects.toMatchObject({ code: 'unavailable' });
    const fresh = await setUp();
    server.away = true;
    await expect(fresh.start()).rejects.toMatchObject({ code: 'unavailable' });
    server.away = false;
    await expect(world.start({ issuer: 'https://login.example.com' })).rejects.toMatchObject({ code: 'invalid_argument' });
  });

  it('leads back to a path of this Keyhold alone (open redirect)', async () => {
    const world = await setUp();
    for (const returnTo of ['https://evil.example', '//evil.example', '/\\evil.example', '\\\\evil.example', '/%0d%0aset-cookie:x', '/\n/evil.example', '/a b', '', 'evil', '/..//evil.example', '/.//evil.example', `/${'a'.repeat(512)}`]) {
      const outcome = world.start({ returnTo });
      if (returnTo.startsWith('/%0d')) await outcome;
      else await expect(outcome, returnTo).rejects.toMatchObject({ code: 'invalid_argument', details: { property: 'returnTo' } });
    }
  });

  it('ends when the provider says that its session has, and once for each such word (back-channel logout)', async () => {
    const world = await setUp();
    await world.invite('ada');
    const browser = new Browser();
    const here = await world.signIn({}, browser);
    const there = await world.signIn();
    const end = await world.signIns.endSessionUrl(userIdOf(server.issuer, 'ada'));
    expect(end).toContain(encodeURIComponent(`${publicUrl}/`));
    expect(end).not.toContain('id_token_hint');
    told.length = 0;
    const back = await browser.follow(end ?? '', (url) => url === `${publicUrl}/`);
    expect(back.url).toBe(`${publicUrl}/`);
    const body = await until('the provider tells', () => told[0]);
    const token = new URLSearchParams(body).get('logout_token') ?? '';
    await world.signIns.end(token, 'req');
    expect([await world.actorOf(here.text), await world.actorOf(there.text)]).toEqual([undefined, expect.objectContaining({ kind: 'user' })]);
    await expect(world.signIns.end(token, 'req')).rejects.toMatchObject({ code: 'invalid_argument' });
  });
});
