import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type HttpAnswer, type HttpCall, startControlPlane, type TestControlPlane } from '../../../../test/support/control-plane.ts';

const PUBLIC = 'https://keyhold.example.com';
const HOST = 'keyhold.example.com';
const ownPage = { origin: PUBLIC, host: HOST };

let plane: TestControlPlane;
let token: string;

beforeAll(async () => {
  plane = await startControlPlane({ publicUrl: PUBLIC });
  await plane.must('POST', '/api/v1/tenants', { body: { id: 'acme', name: 'Acme' } });
  token = await plane.token('tenant-admin', 'acme');
});

afterAll(async () => plane.close());

const signIn = (body: unknown = { token }, headers: HttpCall['headers'] = {}) => plane.call('POST', '/api/v1/sign-in', { token: null, body, headers: { ...ownPage, ...headers } });

function cookieOf({ headers }: HttpAnswer): string {
  return headers['set-cookie']?.[0]?.split(';', 1)[0] ?? '';
}

async function session(text = token): Promise<string> {
  const answer = await signIn({ token: text });
  expect([answer.status, answer.text]).toEqual([200, expect.any(String)]);
  return cookieOf(answer);
}

const me = (cookie: string, headers: HttpCall['headers'] = {}) => plane.call('GET', '/api/v1/me', { token: null, headers: { host: HOST, cookie, ...headers } });
const signOut = (cookie: string, body: unknown = {}) => plane.call('POST', '/api/v1/sign-out', { token: null, body, headers: { ...ownPage, cookie } });

/** A token of a name of its own, so that revoking it takes nothing from the other tests. */
async function newToken(role = 'tenant-admin'): Promise<{ id: string; text: string }> {
  const { id, token: text } = await plane.must('POST', '/api/v1/tenants/acme/tokens', { token, body: { name: 'one', role } });
  return { id: String(id), text: String(text) };
}

describe('POST /api/v1/sign-in (R0.2, S24)', () => {
  it('gives a session in a cookie that no script and no other site gets, and in no body, and the session is its token', async () => {
    const answer = await signIn();
    const [cookie = '', ...others] = answer.headers['set-cookie'] ?? [];
    expect(others).toEqual([]);
    expect(cookie).toMatch(/^__Host-keyhold-session=kh_s_[0-9a-z]{16}_[0-9A-Za-z]{49}; Path=\/; Secure; HttpOnly; SameSite=Strict$/);
    const { id, ...times } = answer.json;
    expect(cookie).toContain(`_${String(id)}_`);
    const now = plane.clock.now();
    expect(times).toEqual({ authenticatedAt: new Date(now).toISOString(), expiresAt: new Date(now + 12 * 3_600_000).toISOString(), idleUntil: new Date(now + 3_600_000).toISOString() });
    expect(answer.text).not.toContain('kh_');
    expect(answer.headers).toMatchObject({ 'cache-control': 'no-store', 'content-security-policy': "default-src 'none'; frame-ancestors 'none'", 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer' });
    expect((await me(cookieOf(answer))).json).toMatchObject({ kind: 'token', role: 'tenant-admin', tenant: 'acme', session: { id, ...times } });
    expect((await plane.must('GET', '/api/v1/me', { token }))['session']).toBeNull();
    expect(JSON.stringify(plane.log.lines)).not.toContain(cookieOf(answer).slice(-49));
  });

  it('S29: refuses an unknown token, a gateway key and a session\'s text, counts them by address, and writes them down in one row; a known one signs in all the same', async () => {
    const { key } = await plane.must('POST', '/api/v1/tenants/acme/gateway-keys', { token, body: { name: 'application' } });
    const cookie = await session();
    for (const text of ['kh_t_not-a-token', String(key), cookie.slice(cookie.indexOf('=') + 1), 'nonsense']) {
      const answer = await signIn({ token: text });
      expect([answer.status, answer.headers['set-cookie'], answer.json['error']]).toEqual([401, undefined, expect.objectContaining({ code: 'unauthenticated' })]);
      expect(answer.text).not.toContain(text.slice(-20));
    }
    while ((await signIn({ token: 'nonsense' })).status === 401);
    const limited = await signIn({ token: 'nonsense' });
    expect([limited.status, Number(limited.headers['retry-after'])]).toEqual([429, expect.any(Number)]);
    expect((await signIn()).status).toBe(200);
    plane.clock.advance(61_000);
  });

  it('takes the token in the body alone, small, and nothing beside it', async () => {
    expect((await plane.call('POST', '/api/v1/sign-in', { token, body: { token }, headers: ownPage })).status).toBe(400);
    for (const [body, status] of [[{}, 400], [{ token: 7 }, 400], [{ token: '' }, 400], [{ token, everywhere: true }, 400], ['[]', 400], [`{"token":"${token}","token":"${token}"}`, 400], [{ token: 'x'.repeat(513) }, 400], [{ token: 'x'.repeat(17_000) }, 413]] as const) {
      expect((await signIn(body)).status).toBe(status);
    }
    expect((await signIn(`token=${token}`, { 'content-type': 'application/x-www-form-urlencoded' })).status).toBe(400);
    expect((await plane.call('POST', '/api/v1/sign-in?next=x', { token: null, body: { token }, headers: ownPage })).status).toBe(400);
  });

  it('is of no use to a page of another site: nobody is signed in as somebody else', async () => {
    for (const headers of [{ origin: 'https://evil.example' }, { origin: 'null' }, { origin: `${PUBLIC}.evil.example` }, { 'sec-fetch-site': 'cross-site' }, { 'sec-fetch-site': 'same-site' }]) {
      const answer = await signIn({ token }, headers);
      expect([headers, answer.status, answer.headers['set-cookie']]).toEqual([headers, 403, undefined]);
    }
    // Programs say no Origin.
    expect((await plane.call('POST', '/api/v1/sign-in', { token: null, body: { token }, headers: { host: HOST } })).status).toBe(200);
  });

  it('makes a new session each time, and ends the one before (fixation); a session that somebody else planted is nobody\'s', async () => {
    const first = await session();
    const again = await signIn({ token }, { cookie: first });
    expect(cookieOf(again)).not.toBe(first);
    expect((await me(first)).status).toBe(401);
    expect((await me(cookieOf(again))).status).toBe(200);
    const planted = `__Host-keyhold-session=kh_s_${'a'.repeat(16)}_${'b'.repeat(49)}`;
    const safe = await signIn({ token }, { cookie: planted });
    expect(cookieOf(safe)).not.toBe(planted);
    expect((await me(planted)).status).toBe(401);
  });

  it('is in the audit log with its end, under the session\'s id and never its text', async () => {
    const cookie = await session();
    const { id } = (await me(cookie)).json['session'] as { id: string };
    await signOut(cookie);
    const { items } = (await plane.must('GET', '/api/v1/audit?limit=4')) as { items: { action: string; phase: string; resource: string; outcome: string | null }[] };
    expect(items.map(({ action, phase, outcome }) => [action, phase, outcome])).toEqual([['session.end', 'outcome', 'ok'], ['session.end', 'intent', null], ['session.begin', 'outcome', 'ok'], ['session.begin', 'intent', null]]);
    expect(JSON.stringify(items)).toContain(id);
    expect(JSON.stringify(items)).not.toContain('kh_s_');
  });
});

describe('a session (S24)', () => {
  it('stands for its token on every route that takes one, and for nothing else: not in Authorization, and not beside a key', async () => {
    const cookie = await session();
    const text = cookie.slice(cookie.indexOf('=') + 1);
    expect((await plane.call('GET', '/api/v1/tenants/acme/tokens', { token: null, headers: { host: HOST, cookie } })).status).toBe(200);
    expect((await plane.call('GET', '/api/v1/me', { token: text, headers: { host: HOST } })).status).toBe(401);
    expect((await me(cookie, { authorization: `Bearer ${token}` })).status).toBe(400);
    expect((await me(`${cookie}; ${cookie.slice(0, -1)}x`)).status).toBe(400);
    expect((await me(`theme=dark; ${cookie}; ${cookie}`)).status).toBe(200);
    for (const other of [cookie.replace('__Host-', ''), cookie.replace('__Host-', '__host-'), `${cookie.slice(0, -1)}!`, cookie.replace('kh_s_', 'kh_t_')]) expect((await me(other)).status).toBe(401);
  });

  it('changes something for pages of KEYHOLD_PUBLIC_URL alone, and with JSON (CSRF): every method, type and origin', async () => {
    const cookie = await session();
    const requests = [['PUT', '/api/v1/tenants/acme/policy', {}], ['POST', '/api/v1/tenants/acme/tokens', { name: 'x', role: 'tenant-auditor' }], ['PATCH', '/api/v1/tenants/acme/credentials/openai', {}], ['DELETE', '/api/v1/tenants/acme/vault', {}], ['POST', '/api/v1/sign-out', { nobodyKnowsThis: true }]] as const;
    const types = ['application/json', 'application/json; charset=utf-8', 'text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', ''];
    const origins = [PUBLIC, undefined, 'null', 'https://evil.example', 'http://keyhold.example.com', `${PUBLIC}:8443`, 'https://sub.keyhold.example.com', 'http://localhost'];
    for (const [method, path, body] of requests) {
      for (const type of types) {
        for (const origin of origins) {
          const { status, json } = await plane.call(method, path, { token: null, body, headers: { host: HOST, cookie, 'content-type': type, ...(origin === undefined ? {} : { origin }) } });
          const { message } = (json['error'] ?? {}) as { message?: string };
          const isOwn = origin === PUBLIC;
          if (!isOwn) expect([method, type, origin, status, message]).toEqual([method, type, origin, 403, expect.stringContaining(PUBLIC)]);
          else if (!type.startsWith('application/json')) expect([method, type, status, message]).toEqual([method, type, 400, expect.stringContaining('Content-Type: application/json')]);
          else expect([method, type, status === 403, message ?? '']).toEqual([method, type, false, expect.not.stringContaining('Origin')]);
        }
      }
    }
    for (const site of ['cross-site', 'same-site']) expect((await plane.call('POST', '/api/v1/sign-out', { token: null, body: {}, headers: { ...ownPage, cookie, 'sec-fetch-site': site } })).status).toBe(403);
    expect((await me(cookie, { 'sec-fetch-site': 'same-origin' })).status).toBe(200);
    expect((await me(cookie, { 'sec-fetch-site': 'cross-site' })).status).toBe(403);
    expect((await me(cookie, { origin: 'https://evil.example' })).status).toBe(403);
    // Two Origins are none, and a second one does not hide behind the first.
    expect((await plane.call('POST', '/api/v1/sign-out', { token: null, body: {}, headers: { host: HOST, cookie, origin: [PUBLIC, 'https://evil.example'] } })).status).toBe(403);
  });

  it('is over after 12 hours, after an hour without use, and by sign-out; the browser is told to forget it', async () => {
    const used = await session();
    const idle = await session();
    for (let minutes = 0; minutes < 12 * 60; minutes += 50) {
      expect((await me(used)).status).toBe(200);
      plane.clock.advance(50 * 60_000);
    }
    expect((await me(used)).json['error']).toMatchObject({ code: 'unauthenticated', message: expect.stringContaining('Sign in again') });
    expect((await me(idle)).status).toBe(401);
    const cookie = await session();
    const answer = await signOut(cookie);
    expect([answer.status, answer.headers['set-cookie']]).toEqual([204, ['__Host-keyhold-session=; Max-Age=0; Path=/; Secure; HttpOnly; SameSite=Strict']]);
    expect((await me(cookie)).status).toBe(401);
    expect((await signOut(cookie)).status).toBe(401);
  });

  it('that is over is no unknown key: whatever a page goes on asking, it shuts nobody out (R0.3)', async () => {
    const cookie = await session();
    await signOut(cookie);
    for (let times = 0; times < 25; times += 1) expect((await me(cookie)).status).toBe(401);
    const unknown = `${cookie.slice(0, -49)}${'b'.repeat(49)}`;
    expect((await me(unknown)).status).toBe(401);
    while ((await me(unknown)).status === 401);
    expect([(await me(unknown)).status, (await me(cookie)).status]).toEqual([429, 401]);
    plane.clock.advance(61_000);
  });

  it('ends with its token at once, and with {"everywhere": true} in every browser of that token and of no other', async () => {
    const [one, two] = [await newToken(), await newToken()];
    const [here, there, others] = [await session(one.text), await session(one.text), await session(two.text)];
    expect((await signOut(here, { everywhere: true })).status).toBe(204);
    expect([(await me(here)).status, (await me(there)).status, (await me(others)).status]).toEqual([401, 401, 200]);
    const back = await session(one.text);
    expect((await plane.call('POST', '/api/v1/sign-out', { token: one.text, body: {} })).status).toBe(400);
    expect((await plane.call('POST', '/api/v1/sign-out', { token: one.text, body: { everywhere: true } })).status).toBe(204);
    expect((await me(back)).status).toBe(401);
    await plane.must('DELETE', `/api/v1/tenants/acme/tokens/${two.id}`, { token });
    expect((await me(others)).status).toBe(401);
    expect((await signIn({ token: two.text })).status).toBe(401);
  });

  it('needs a sign-in of the last ten minutes to delete things and change who signs in, says so, and a new sign-in is enough', async () => {
    const cookie = await session();
    const make = (with_: string) => plane.call('POST', '/api/v1/tenants/acme/tokens', { token: null, body: { name: 'fresh', role: 'tenant-member' }, headers: { ...ownPage, cookie: with_ } });
    expect((await make(cookie)).status).toBe(201);
    plane.clock.advance(10 * 60_000 + 1);
    const stale = await make(cookie);
    expect([stale.status, stale.json['error']]).toEqual([403, expect.objectContaining({ code: 'permission_denied', details: { freshSignIn: true }, message: expect.stringContaining('Sign in again') })]);
    const renewed = cookieOf(await signIn({ token }, { cookie }));
    expect((await make(renewed)).status).toBe(201);
    expect((await me(cookie)).status).toBe(401);
    expect((await plane.call('POST', '/api/v1/tenants/acme/tokens', { token, body: { name: 'not asked', role: 'tenant-member' } })).status).toBe(201);
  });

  it('is ended for a user by a platform-admin, everywhere, and by nobody else', async () => {
    const user = await plane.must('POST', '/api/v1/users', { body: { issuer: 'https://login.example.com', subject: 'zoe', role: 'platform-auditor' } });
    const id = String(user['id']);
    const { text } = await plane.services.sessions.begin({ holder: { kind: 'user', id }, authenticatedAt: plane.clock.now() });
    const cookie = `__Host-keyhold-session=${text.reveal()}`;
    expect((await me(cookie)).json).toMatchObject({ kind: 'user', id, role: 'platform-auditor' });
    expect((await plane.call('POST', `/api/v1/users/${id}/sign-out`, { token, body: {} })).status).toBe(403);
    expect((await plane.call('POST', `/api/v1/users/${id}/sign-out`, { body: {} })).status).toBe(204);
    expect((await me(cookie)).status).toBe(401);
    expect((await plane.metadata.users.get({ id }))?.record.signedOutBefore).toBeGreaterThanOrEqual(plane.clock.now());
    expect((await plane.call('POST', '/api/v1/users/usr_nobody/sign-out', { body: {} })).status).toBe(404);
    expect((await plane.must('GET', `/api/v1/users/${id}`))['lastSignInAt']).not.toBeNull();
    expect(await plane.metadata.sessions.listOf({ kind: 'user', id }, { limit: 5 })).toMatchObject({ items: [{ record: { endedAt: plane.clock.now() } }] });
  });
});

describe('the name that Keyhold is called by (S24)', () => {
  it.each([
    [HOST, 200], [`${HOST}:8443`, 200], ['KEYHOLD.example.com', 200], ['keyhold.internal', 200], ['localhost:1', 200], ['app.localhost', 200], ['127.0.0.1', 200], ['127.1.2.3:80', 200], ['[::1]:8080', 200], ['10.1.2.3:8080', 200], ['[2001:db8::1]', 200],
    ['evil.example', 421], [`${HOST}.evil.example`, 421], [`evil-${HOST}`, 421], [`${HOST}.`, 421], ['localhost.evil.example', 421], ['127.0.0.1.evil.example', 421], ['127.1', 421], ['2130706433', 421], ['0x7f.0.0.1', 421], ['keyhold.internal.', 421], [`${HOST}@evil.example`, 421], [`${HOST}/x`, 421],
  ])('%j is answered with %i', async (host, status) => {
    const answer = await plane.call('GET', '/api/v1/me', { headers: { host } });
    expect([answer.status, answer.headers['x-keyhold-error-origin'] ?? 'none']).toEqual([status, status === 200 ? 'none' : 'keyhold']);
    expect((await signIn({ token }, { host })).status).toBe(status);
    if (status === 421) expect(answer.json['error']).toMatchObject({ message: expect.stringContaining('KEYHOLD_PUBLIC_URL') });
  });

  it('does not matter to probes, which ask by an address of their own; metrics that need no token are for this machine\'s names', async () => {
    for (const path of ['/livez', '/readyz', '/api/v1/health']) expect((await plane.call('GET', path, { token: null, headers: { host: 'kubelet.example' } })).status).toBe(200);
    expect((await plane.call('GET', '/metrics', { token: null, headers: { host: 'evil.example' } })).status).toBe(421);
    expect((await plane.call('GET', '/metrics', { token: null })).status).toBe(200);
  });

  it('without KEYHOLD_PUBLIC_URL is this machine\'s, for pages that it has served by the same name', async () => {
    const local = await startControlPlane();
    try {
      const admin = await local.token('platform-admin');
      const own = { host: 'localhost:8080', origin: 'http://localhost:8080' };
      const cookie = cookieOf(await local.call('POST', '/api/v1/sign-in', { token: null, body: { token: admin }, headers: own }));
      const change = (headers: HttpCall['headers']) => local.call('POST', '/api/v1/sign-out', { token: null, body: { nobodyKnowsThis: 1 }, headers: { ...own, ...headers, cookie } });
      expect((await change({})).status).toBe(400);
      expect((await change({ origin: 'https://localhost:8080' })).status).toBe(400);
      for (const headers of [{ origin: 'http://localhost:3000' }, { origin: 'http://127.0.0.1:8080' }, { host: '10.1.2.3', origin: 'http://10.1.2.3' }, { host: 'keyhold.internal', origin: 'http://keyhold.internal' }]) {
        const answer = await change(headers);
        expect([headers, answer.status, answer.text]).toEqual([headers, 403, expect.stringContaining('KEYHOLD_PUBLIC_URL')]);
      }
      expect((await change({ host: 'evil.example', origin: 'http://evil.example' })).status).toBe(421);
    } finally {
      await local.close();
    }
  });
});
