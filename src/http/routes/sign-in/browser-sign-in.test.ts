import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startControlPlane, type TestControlPlane } from '../../../../test/support/control-plane.ts';

const PUBLIC = 'https://keyhold.example.com';
const CALLBACK = '/api/v1/sign-in/callback?code=test-code&state=test-state';
let plane: TestControlPlane;

beforeAll(async () => {
  plane = await startControlPlane({ publicUrl: PUBLIC });
});

afterAll(async () => plane.close());

const ask = (method: string, path: string, options: { body?: unknown; headers?: Record<string, string | readonly string[]> } = {}) => plane.call(method, path, { token: null, ...options, headers: { host: 'keyhold.example.com', ...options.headers } });
const tell = (body: string, headers: Record<string, string> = {}) => ask('POST', '/api/v1/sign-in/backchannel-logout', { body, headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers } });

describe('signing in with a browser, for strangers (S23, S24; with an identity provider: test/e2e/oidc.test.ts)', () => {
  it('is told of to everybody, and goes nowhere that is not configured', async () => {
    expect((await ask('GET', '/api/v1/sign-in')).json).toEqual({ token: true, issuers: [], terminals: [] });
    for (const query of ['', '?issuer=https://evil.example', `?issuer=${encodeURIComponent('https://login.example.com')}`, '?issuer=a&issuer=b']) {
      const answer = await ask('GET', `/api/v1/sign-in/start${query}`);
      expect([answer.status, answer.headers.location, answer.headers['set-cookie']]).toEqual([400, undefined, undefined]);
    }
    expect((await ask('GET', '/api/v1/sign-in/start', { headers: { host: 'evil.example' } })).status).toBe(421);
  });

  it('refuses what no browser was sent for, counts it by address and in the audit log, and asks no provider after twenty', async () => {
    const cookie = `__Host-keyhold-sign-in=${'A'.repeat(400)}`;
    for (const headers of [{}, { cookie }, { cookie: '__Host-keyhold-sign-in=%' }]) {
      const answer = await ask('GET', CALLBACK, { headers });
      expect([answer.status, answer.headers['set-cookie'], answer.json['error']]).toEqual([401, undefined, expect.objectContaining({ message: expect.stringContaining('Begin again') })]);
      expect(answer.text).not.toContain('test-code');
    }
    expect((await ask('GET', CALLBACK, { headers: { cookie: `${cookie}; ${cookie}B` } })).status).toBe(400);
    while ((await ask('GET', `${CALLBACK}&state=again`, { headers: { cookie } })).status === 401);
    expect((await ask('GET', CALLBACK, { headers: { cookie } })).status).toBe(429);
    plane.clock.advance(61_000);
    expect((await ask('GET', CALLBACK, { headers: { cookie } })).status).toBe(401);
    expect(JSON.stringify(plane.log.lines)).not.toContain('test-code');
  });

  it('counts no browser that comes back without having gone there, since any page can send it: that shuts nobody out (R0.3)', async () => {
    for (let times = 0; times < 25; times += 1) expect((await ask('GET', CALLBACK)).status).toBe(401);
    expect((await ask('POST', '/api/v1/sign-in', { body: { token: 'nonsense' } })).status).toBe(401);
  });

  it('hears of ended sessions by a form alone, each field once, and from no page', async () => {
    expect((await tell('logout_token=nonsense')).json['error']).toMatchObject({ code: 'invalid_argument', message: expect.stringContaining('logout token') });
    for (const [body, headers] of [['', {}], ['token=x', {}], ['logout_token=a&logout_token=b', {}], ['{"logout_token":"a"}', { 'content-type': 'application/json' }], ['logout_token=a', { 'content-type': 'text/plain' }]] as const) expect((await tell(body, headers)).status).toBe(400);
    expect((await tell(`logout_token=${'x'.repeat(17_000)}`)).status).toBe(413);
    for (const headers of [{ origin: 'https://evil.example' }, { 'sec-fetch-site': 'cross-site' }]) expect((await tell('logout_token=x', headers)).status).toBe(403);
    const elsewhere = await ask('POST', '/api/v1/tenants', { body: 'id=x', headers: { 'content-type': 'application/x-www-form-urlencoded', authorization: 'Bearer test-administrator-of-the-control-plane' } });
    expect([elsewhere.status, elsewhere.text]).toEqual([400, expect.stringContaining('must be JSON')]);
  });
});
