import { afterEach, describe, expect, it } from 'vitest';
import { platformAdminText, startControlPlane, type TestControlPlane, type TestControlPlaneOptions } from '../../test/support/control-plane.ts';
import { KeyholdError } from '../ports/errors.ts';

const planes: TestControlPlane[] = [];

async function start(options?: TestControlPlaneOptions): Promise<TestControlPlane> {
  const plane = await startControlPlane(options);
  planes.push(plane);
  return plane;
}

/** With a tenant and its administrator. */
async function startWithTenant(): Promise<TestControlPlane & { readonly admin: string }> {
  const plane = await start();
  await plane.must('POST', '/api/v1/tenants', { body: { id: 'acme', name: 'Acme' } });
  return { ...plane, admin: await plane.token('tenant-admin', 'acme') };
}

afterEach(async () => {
  for (const plane of planes.splice(0)) await plane.close();
});

const OPENAI = '/api/v1/tenants/acme/credentials/openai';

describe('every answer of the control plane', () => {
  it('R0.3 carries a request id, the caller\'s own if it is harmless, and is kept, sniffed and framed by nobody', async () => {
    const plane = await start();
    const own = await plane.call('GET', '/api/v1/me', { headers: { 'x-request-id': 'my-own.id_1' } });
    expect(own.headers).toMatchObject({
      'x-request-id': 'my-own.id_1',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'content-security-policy': expect.stringContaining("default-src 'none'"),
    });
    for (const [method, path] of [['GET', '/api/v1/me'], ['GET', '/nowhere'], ['GET', '/livez'], ['GET', '/%zz'], ['PUT', '/api/v1/tokens']] as const) {
      const answer = await plane.call(method, path, { headers: { 'x-request-id': 'two words' } });
      expect(answer.headers['x-request-id']).toMatch(/^req_[0-9a-f]{20}$/);
      expect(answer.headers['cache-control']).toBe('no-store');
    }
  });

  it('R0.3 is 404 in our shape for what is not there, whatever the method', async () => {
    const plane = await start();
    for (const [method, path] of [
      ['GET', '/'],
      ['GET', '/api/v1/model'],
      ['GET', '/api/v1/nothing'],
      ['POST', '/api/v1/me'],
      ['PUT', '/api/v1/tenants'],
      ['OPTIONS', '/api/v1/tenants'],
      ['TRACE', '/api/v1/tenants'],
      ['PROPFIND', '/api/v1/tenants'],
      ['GET', '/api/v1/me/'],
      ['GET', '/API/v1/me'],
      ['GET', '//api/v1/me'],
      ['GET', '/api/v1/../v1/me'],
      ['POST', '/api/v1/tenants/acme/credentials/openai/validate'],
    ] as const) {
      const answer = await plane.call(method, path, method === 'POST' || method === 'PUT' ? { body: '{"a":1,"a":2}' } : {});
      expect([method, path, answer.status, answer.headers['x-keyhold-error-origin']]).toEqual([method, path, 404, 'keyhold']);
      expect(answer.json['error']).toMatchObject({ code: 'not_found', requestId: answer.headers['x-request-id'] });
    }
  });

  it('answers HEAD like GET, without the body', async () => {
    const plane = await start();
    const answer = await plane.call('HEAD', '/api/v1/me');
    expect([answer.status, answer.text]).toEqual([200, '']);
    expect((await plane.call('HEAD', '/api/v1/me', { token: null })).status).toBe(401);
  });
});

describe('signing in', () => {
  it('S22 refuses two different keys, and any other scheme', async () => {
    const plane = await start();
    const twice = await plane.call('GET', '/api/v1/me', { token: null, headers: { authorization: [`Bearer ${platformAdminText}`, 'Bearer another-token-of-somebody'] } });
    expect(twice.status).toBe(400);
    expect((await plane.call('GET', '/api/v1/me', { token: null, headers: { authorization: `Basic ${platformAdminText}` } })).status).toBe(401);
    expect((await plane.call('GET', `/api/v1/me?access_token=${platformAdminText}`, { token: null })).status).toBe(401);
    expect((await plane.call('GET', '/api/v1/me', { token: null, headers: { 'x-api-key': platformAdminText } })).status).toBe(401);
  });

  it('a gateway key from another network is 403 here, too, with a denial in the tenant\'s log', async () => {
    const { call, must, admin } = await startWithTenant();
    const meWith = async (networks: readonly string[]): Promise<number> => {
      const { key } = await must('POST', '/api/v1/tenants/acme/gateway-keys', { token: admin, body: { name: 'a', networks } });
      return (await call('GET', '/api/v1/me', { token: String(key) })).status;
    };
    expect([await meWith(['127.0.0.0/8', '::1']), await meWith(['192.0.2.0/24'])]).toEqual([200, 403]);
    const { items } = (await must('GET', '/api/v1/tenants/acme/audit?action=gateway.use', { token: admin })) as { items: readonly Record<string, unknown>[] };
    expect(items).toMatchObject([{ action: 'gateway.use', outcome: 'denied', code: 'permission_denied', actor: { kind: 'gateway-key' } }]);
  });

  it('R0.3 limits unknown keys, never a missing one, and lets a known one in all the same', async () => {
    const plane = await start();
    const unknown = async () => (await plane.call('GET', '/api/v1/me', { token: 'kh_t_not-a-token' })).status;
    for (let count = 0; count < 20; count += 1) expect(await unknown()).toBe(401);
    const limited = await plane.call('GET', '/api/v1/me', { token: 'kh_t_not-a-token' });
    expect(limited.status).toBe(429);
    expect(Number(limited.headers['retry-after'])).toBeGreaterThan(0);
    expect((await plane.call('GET', '/api/v1/me', { token: null })).status).toBe(401);
    expect((await plane.call('GET', '/api/v1/me')).status).toBe(200);
    plane.clock.advance(60_000);
    expect(await unknown()).toBe(401);
  });

  it('R0.2 takes an expired and a revoked token no more', async () => {
    const plane = await start();
    const expiresAt = new Date(plane.clock.now() + 60_000).toISOString();
    const short = await plane.must('POST', '/api/v1/tokens', { body: { name: 'short', role: 'platform-auditor', expiresAt } });
    const long = await plane.must('POST', '/api/v1/tokens', { body: { name: 'long', role: 'platform-auditor' } });
    const me = async (token: unknown) => (await plane.call('GET', '/api/v1/me', { token: String(token) })).status;
    expect(await me(short['token'])).toBe(200);
    plane.clock.advance(60_000);
    expect(await me(short['token'])).toBe(401);
    expect(await me(long['token'])).toBe(200);
    await plane.must('DELETE', `/api/v1/tokens/${String(long['id'])}`);
    expect(await me(long['token'])).toBe(401);
  });

  it('R0.2 tells who I am and what I may do', async () => {
    const plane = await startWithTenant();
    expect(await plane.must('GET', '/api/v1/me')).toMatchObject({ kind: 'token', id: 'bootstrap', role: 'platform-admin', tenant: null });
    const { permissions, ...me } = await plane.must('GET', '/api/v1/me', { token: await plane.token('tenant-auditor', 'acme') });
    expect(me).toMatchObject({ kind: 'token', role: 'tenant-auditor', tenant: 'acme' });
    expect(permissions).toEqual(expect.arrayContaining(['policy.read', 'token.list', 'credential.read', 'usage.read', 'audit.read']));
    expect(permissions).not.toEqual(expect.arrayContaining([expect.stringMatching(/put|create|delete|use$/)]));
    expect(me['holdings']).toEqual([{ role: 'tenant-auditor', tenant: 'acme', permissions }]);
  });
});

describe('conventions', () => {
  it('R0.3 hands out pages', async () => {
    const plane = await start();
    for (const id of ['a', 'b', 'c']) await plane.must('POST', '/api/v1/tenants', { body: { id, name: id } });
    const first = await plane.must('GET', '/api/v1/tenants?limit=2');
    expect((first['items'] as { id: string }[]).map(({ id }) => id)).toEqual(['a', 'b']);
    const second = await plane.must('GET', `/api/v1/tenants?limit=2&cursor=${String(first['nextCursor'])}`);
    expect(second).toMatchObject({ items: [{ id: 'c' }], nextCursor: null });
    for (const query of ['limit=0', 'limit=1001', 'limit=1.5', 'limit=-1', 'limit=1e2', 'limit=', 'cursor=nonsense', `cursor=${'a'.repeat(3000)}`]) {
      expect([query, (await plane.call('GET', `/api/v1/tenants?${query}`)).status]).toEqual([query, 400]);
    }
    // A cursor of another list says nothing here.
    expect((await plane.call('GET', `/api/v1/tokens?cursor=${String(first['nextCursor'])}`)).status).toBe(400);
  });

  it('R10.2 cursors tell a tenant nothing of how much the others do, and serve their own list alone', async () => {
    const plane = await start();
    for (const id of ['acme', 'other']) await plane.must('POST', '/api/v1/tenants', { body: { id, name: id } });
    const acme = await plane.token('tenant-admin', 'acme');
    const other = await plane.token('tenant-admin', 'other');
    await plane.must('PUT', OPENAI, { token: acme, body: { fields: { api_key: 'sk-test-key-1234567890' } } });
    const { items, nextCursor } = await plane.must('GET', '/api/v1/tenants/acme/audit?limit=1', { token: acme });
    expect(Buffer.from(String(nextCursor), 'base64url').toString('latin1')).not.toContain('audit');
    const next = await plane.must('GET', `/api/v1/tenants/acme/audit?limit=1&cursor=${String(nextCursor)}`, { token: acme });
    expect(next['items']).toHaveLength(1);
    expect(next['items']).not.toEqual(items);
    expect((await plane.call('GET', `/api/v1/tenants/other/audit?cursor=${String(nextCursor)}`, { token: other })).status).toBe(400);
    expect((await plane.call('GET', `/api/v1/audit?cursor=${String(nextCursor)}`)).status).toBe(400);
  });

  it('R0.3 ETag and If-Match', async () => {
    const { call, must, admin } = await startWithTenant();
    const put = (ifMatch?: string) => call('PUT', OPENAI, { token: admin, body: { fields: { api_key: 'sk-test-key-1234567890' } }, ...(ifMatch === undefined ? {} : { headers: { 'if-match': ifMatch } }) });
    expect((await put('*')).status).toBe(412);
    const created = await put();
    expect([created.status, created.json['etag']]).toEqual([201, created.headers.etag]);
    expect((await put('"0-0"')).status).toBe(412);
    const replaced = await put(created.headers.etag);
    expect(replaced.status).toBe(200);
    expect((await put(created.headers.etag)).status).toBe(412);
    expect((await put('7')).status).toBe(400);
    expect((await put(`W/${String(replaced.headers.etag)}`)).status).toBe(412);
    expect((await put(`"x", ${String(replaced.headers.etag)}`)).status).toBe(200);
    const stale = await call('PATCH', '/api/v1/tenants/acme', { body: { name: 'New' }, headers: { 'if-match': '"99"' } });
    expect([stale.status, stale.json['error']]).toMatchObject([412, { code: 'precondition_failed' }]);
    expect(await must('GET', '/api/v1/tenants/acme')).toMatchObject({ name: 'Acme' });
    expect((await call('POST', `${OPENAI}/revoke`, { token: admin, headers: { 'if-match': '"1"' } })).status).toBe(400);
    expect(await must('GET', OPENAI, { token: admin })).toMatchObject({ state: 'active' });
  });

  it('S27 Idempotency-Key finds what the first request made, and shows a secret once', async () => {
    const { call, admin } = await startWithTenant();
    const path = '/api/v1/tenants/acme/gateway-keys';
    const create = (body: unknown, key: string) => call('POST', path, { token: admin, body, headers: { 'idempotency-key': key } });
    const first = await create({ name: 'one' }, 'key-1');
    const repeat = await create({ name: 'one' }, 'key-1');
    expect([first.status, repeat.status]).toEqual([201, 201]);
    expect(repeat.json).toMatchObject({ id: first.json['id'], key: null });
    expect(first.json['key']).toMatch(/^kh_g_/);
    expect((await create({ name: 'two' }, 'key-1')).status).toBe(409);
    expect((await create({ name: 'one' }, 'key-2')).json['id']).not.toBe(first.json['id']);
    expect((await create({ name: 'one' }, 'two words')).status).toBe(400);
    const list = await call('GET', path, { token: admin });
    expect(list.json['items']).toHaveLength(2);
    expect(list.text).not.toContain(String(first.json['key']));
  });

  it('R0.3 keeps emoji exactly', async () => {
    const plane = await start();
    const name = '🔑 Ключ 鍵 "quoted" \\ back';
    await plane.must('POST', '/api/v1/tenants', { body: { id: 'emoji', name } });
    expect(await plane.must('GET', '/api/v1/tenants/emoji')).toMatchObject({ name });
  });

  it('takes no body where one is optional, with the JSON content type or without', async () => {
    const { call, must, admin } = await startWithTenant();
    await must('PUT', OPENAI, { token: admin, body: { fields: { api_key: 'sk-test-key-1234567890' } } });
    expect((await call('DELETE', OPENAI, { token: admin, headers: { 'content-type': 'application/json' } })).status).toBe(200);
    expect((await call('POST', `${OPENAI}/recover`, { token: admin, body: '' })).status).toBe(200);
    expect((await call('POST', `${OPENAI}/revoke`, { token: admin, body: { reason: 'leaked' } })).json).toMatchObject({ state: 'revoked' });
    expect((await call('POST', `${OPENAI}/purge`, { token: admin })).json).toMatchObject({ state: 'purged' });
  });
});

describe('credentials', () => {
  it('R0.2 are put, shown, changed, deleted and recovered, and their value is in no answer', async () => {
    const { call, admin } = await startWithTenant();
    const key = 'sk-test-canary-1234567890';
    const expiresAt = '2030-01-31T12:00:00.000Z';
    const answers = [
      await call('PUT', `${OPENAI}?label=batch`, { token: admin, body: { fields: { api_key: key }, expiresAt: '2030-01-31T13:00:00+01:00' } }),
      await call('GET', `${OPENAI}?label=batch`, { token: admin }),
      await call('PATCH', `${OPENAI}?label=batch`, { token: admin, body: { weight: 3, notes: 'for batches', disabled: true, expiresAt: null } }),
      await call('DELETE', `${OPENAI}?label=batch`, { token: admin }),
      await call('POST', `${OPENAI}/recover?label=batch`, { token: admin }),
      await call('GET', '/api/v1/tenants/acme/credentials', { token: admin }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([201, 200, 200, 200, 200, 200]);
    expect(answers[0]?.json).toMatchObject({ service: 'openai', label: 'batch', state: 'active', storedIn: 'sealed', version: 1, expiresAt, hints: { api_key: '7890' } });
    expect(answers[2]?.json).toMatchObject({ state: 'disabled', weight: 3, notes: 'for batches', expiresAt: null });
    expect(answers[3]?.json).toMatchObject({ state: 'deleted' });
    expect(answers.map(({ text }) => text).join()).not.toContain(key);
    expect((await call('GET', OPENAI, { token: admin })).status).toBe(404);
  });

  it('S25 a platform-admin writes a tenant\'s credential, and the tenant\'s own log shows it', async () => {
    const { must, admin } = await startWithTenant();
    await must('PUT', OPENAI, { body: { fields: { api_key: 'sk-test-key-1234567890' } } });
    const { items } = await must('GET', '/api/v1/tenants/acme/audit?action=credential.put', { token: admin });
    expect(items).toMatchObject([
      { phase: 'outcome', outcome: 'ok', actor: { role: 'platform-admin' }, resource: 'tenant:acme/openai/default' },
      { phase: 'intent', outcome: null, actor: { role: 'platform-admin' } },
    ]);
  });

  it('R0.2 platform credentials say whom they are offered to, a tenant\'s do not', async () => {
    const { call, admin } = await startWithTenant();
    const body = { fields: { api_key: 'sk-test-key-1234567890' }, offerTo: ['acme'] };
    expect((await call('PUT', '/api/v1/platform/credentials/openai', { body })).json).toMatchObject({ offerTo: ['acme'] });
    expect((await call('PATCH', '/api/v1/platform/credentials/openai', { body: { offerTo: 'none' } })).json).toMatchObject({ offerTo: 'none' });
    for (const offerTo of ['some', [7]]) {
      const refused = await call('PATCH', '/api/v1/platform/credentials/openai', { body: { offerTo } });
      expect([refused.status, refused.json['error']]).toEqual([400, expect.objectContaining({ details: { property: 'offerTo' }, message: expect.stringContaining('"all", "none" or a list of tenants\' ids') })]);
    }
    for (const method of ['PUT', 'PATCH']) {
      const refused = await call(method, OPENAI, { token: admin, body: method === 'PUT' ? body : { offerTo: 'all' } });
      expect([refused.status, refused.text]).toEqual([400, expect.stringMatching(/\\"offerTo\\" that is not known here\. Known are: [^.]*expiresAt/)]);
    }
  });

  it('S29 R10.3 are not touched while the audit log cannot be written', async () => {
    const { call, admin, services, secrets } = await startWithTenant();
    services.audit.intent = () => Promise.reject(new KeyholdError('unavailable', 'The audit log cannot be written.', { retryAfterSeconds: 7 }));
    const answer = await call('PUT', OPENAI, { token: admin, body: { fields: { api_key: 'sk-test-key-1234567890' } } });
    expect([answer.status, answer.headers['retry-after']]).toEqual([503, '7']);
    expect(secrets.calls.put).toBe(0);
  });
});

describe('what goes wrong inside', () => {
  it('S35 is a warning in the log, and what is not there yet is none', async () => {
    const { call, admin, log, services } = await startWithTenant();
    const warned = () => log.lines.filter(({ level, event }) => level === 'warn' && event === 'request_failed').map(({ fields }) => fields?.status);
    expect((await call('PUT', '/api/v1/tenants/acme/policy', { token: admin, body: { validateOnAdd: true } })).status).toBe(501);
    expect(warned()).toEqual([]);
    services.credentials.get = () => Promise.reject(new KeyholdError('unavailable', 'The store cannot be reached.'));
    expect((await call('GET', OPENAI, { token: admin })).status).toBe(503);
    expect(warned()).toEqual([503]);
  });

  it('R0.3 never reaches the caller, but the log, with the request id', async () => {
    const { call, admin, services, log } = await startWithTenant();
    services.credentials.get = () => Promise.reject(new Error('connect ECONNREFUSED db.internal:5432 password=hunter2'));
    const answer = await call('GET', OPENAI, { token: admin });
    expect(answer.status).toBe(500);
    expect(answer.headers['x-should-retry']).toBe('false');
    expect(answer.text).not.toMatch(/hunter2|ECONNREFUSED|db\.internal/);
    const [line] = log.of('request_failed');
    expect(line?.fields).toMatchObject({ requestId: answer.headers['x-request-id'], route: '/api/v1/tenants/:tenant/credentials/:service', status: 500 });
    expect(line?.fields.error).toMatchObject({ cause: { message: expect.stringContaining('ECONNREFUSED') } });
  });

  it('R0.3 an outage is 503 with Retry-After, never 401', async () => {
    const plane = await start();
    plane.services.principals.authenticate = () => Promise.reject(new KeyholdError('unavailable', 'The database does not answer.'));
    const answer = await plane.call('GET', '/api/v1/me');
    expect([answer.status, answer.headers['retry-after']]).toEqual([503, '5']);
  });
});

describe('the log', () => {
  it('S35 has one line a request, by the route\'s pattern, and no address as it was sent', async () => {
    const { call, admin, log } = await startWithTenant();
    await call('GET', '/api/v1/tenants/acme/credentials/openai?label=my-label', { token: admin });
    await call('GET', '/api/v1/secret-in-path/sk-test-canary', { token: admin });
    await call('GET', '/livez');
    const lines = log.lines.filter(({ event }) => event === 'request');
    expect(lines.at(-3)?.fields).toMatchObject({ method: 'GET', route: '/api/v1/tenants/:tenant/credentials/:service', status: 404, code: 'not_found', tenant: 'acme', service: 'openai', label: 'my-label' });
    expect(lines.at(-2)?.fields).toMatchObject({ route: 'unmatched', status: 404 });
    expect(lines.at(-1)).toMatchObject({ level: 'debug', fields: { route: '/livez' } });
    expect(JSON.stringify(log.lines)).not.toMatch(/canary|kh_t_/);
  });
});

describe('probes', () => {
  it('R0.2 tell the truth without a token and without details', async () => {
    let ready = false;
    const plane = await start({ readiness: { report: async () => ({ ready, degraded: ['database'] }) } });
    const probe = async () => plane.call('GET', '/readyz', { token: null });
    expect(await probe()).toMatchObject({ status: 503, json: { ready: false, degraded: ['database'] } });
    ready = true;
    expect(await probe()).toMatchObject({ status: 200, json: { ready: true, degraded: ['database'] } });
    expect(await plane.call('GET', '/livez', { token: null })).toMatchObject({ status: 200, json: { live: true } });
    expect(await plane.call('GET', '/livez?nocache=1', { token: null })).toMatchObject({ status: 200, json: { live: true } });
  });

  it('S35 /metrics is open on loopback, and elsewhere for platform tokens alone', async () => {
    const local = await start();
    const open = await local.call('GET', '/metrics', { token: null });
    expect([open.status, open.headers['content-type']]).toEqual([200, expect.stringContaining('text/plain')]);
    const remote = await start({ listenIsLoopback: false });
    expect((await remote.call('GET', '/metrics', { token: null })).status).toBe(401);
    for (const role of ['platform-admin', 'platform-operator', 'platform-auditor', 'secret-reader']) {
      expect([role, (await remote.call('GET', '/metrics', { token: await remote.token(role) })).status]).toEqual([role, 200]);
    }
    await remote.must('POST', '/api/v1/tenants', { body: { id: 'acme', name: 'Acme' } });
    expect((await remote.call('GET', '/metrics', { token: await remote.token('tenant-admin', 'acme') })).status).toBe(403);
    const counted = await remote.call('GET', '/metrics');
    expect(counted.text).toContain('route="/api/v1/tenants/:tenant/tokens"');
    expect(counted.text).not.toContain('acme');
  });
});
