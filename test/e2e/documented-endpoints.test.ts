import { execFile, spawnSync } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Api, type ApiAnswer, apiOf, handOver, makeTenant, type TestTenant } from '../support/api.ts';
import { until } from '../support/outcome.ts';
import { type ProductWithProvider, requestFor, requestsFor, startProductWithProvider, usageEvent, usageEvents } from '../support/product-with-provider.ts';
import { reply } from '../support/servers/provider-server-answers.ts';

const run = promisify(execFile);
const hasCurl = spawnSync('curl', ['--version']).status === 0;

const KEY = 'sk-test-key-1234567890';
const CHAT = '/api/ai/chat';
const CREDENTIAL = '/tenant/ai/credentials/openai';

let world: ProductWithProvider;

beforeAll(async () => {
  world = await startProductWithProvider();
});

afterAll(async () => world.close());

interface Typed {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

/** Runs a line as users have it in their scripts, with only the host changed and their token in $TOKEN. */
async function typed(line: string, token = ''): Promise<Typed> {
  const script = `${line.replace('http://localhost:8080', world.product.url)} -sS -w '\\n%{http_code} %{content_type}'`;
  const { stdout } = await run('/bin/sh', ['-c', script], { env: { PATH: process.env['PATH'] ?? '', TOKEN: token } });
  const end = stdout.lastIndexOf('\n');
  const [status = '', type = ''] = stdout.slice(end + 1).split(' ');
  return { status: Number(status), type, body: stdout.slice(0, end) };
}

async function tokenOf(tenant: TestTenant, role: string): Promise<Api> {
  const { body } = await tenant.admin.must('POST', `/api/v1/tenants/${tenant.id}/tokens`, { name: role, role });
  return apiOf(world.product.url, String(body['token']));
}

/** As the application that only has a gateway key. */
function application(tenant: TestTenant): Api {
  return apiOf(world.product.url, tenant.gatewayKey);
}

function code({ status, body }: ApiAnswer): unknown {
  return [status, (body['error'] as { code?: string } | undefined)?.code];
}

describe.skipIf(!hasCurl)('R4 the lines in users\' scripts, typed into a shell with only host and token changed', () => {
  it('R4.1, R4.3, R4.2 hand over, chat, delete', async () => {
    const { admin } = await makeTenant(world.product, 'typed');
    const stored = await typed(
      `curl -X POST http://localhost:8080/tenant/ai/credentials/openai -H "Authorization: Bearer $TOKEN" -H "Content-Type: application/json" -d '{"apiKey": "sk-test-key-1234567890"}'`,
      admin.token,
    );
    expect([stored.status, stored.type.split(';')[0]]).toEqual([200, 'application/json']);
    expect(JSON.parse(stored.body)).toEqual({ success: true, message: 'Credentials stored securely in the encrypted database', provider: 'openai' });

    const before = world.provider.requests.length;
    const answered = await typed(
      `curl -X POST http://localhost:8080/api/ai/chat -H "Authorization: Bearer $TOKEN" -H "Content-Type: application/json" -d '{"message": "Hello, test the AI integration"}'`,
      admin.token,
    );
    const [sent] = world.provider.requests.slice(before);
    const messages = [{ role: 'user', content: 'Hello, test the AI integration' }];
    const input = Math.ceil(JSON.stringify(messages).length / 4);
    expect(answered.status).toBe(200);
    expect(JSON.parse(answered.body)).toEqual({
      message: reply('Hello, test the AI integration').join(''),
      provider: 'openai',
      model: 'gpt-4o-mini',
      usage: { input_tokens: input, output_tokens: 9, total_tokens: input + 9 },
    });
    expect([sent?.key, JSON.parse(String(sent?.body))]).toEqual([KEY, { model: 'gpt-4o-mini', messages }]);

    const remove = 'curl -X DELETE http://localhost:8080/tenant/ai/credentials/openai -H "Authorization: Bearer $TOKEN"';
    expect(await typed(remove, admin.token)).toMatchObject({ status: 204, body: '' });
    expect((await typed(remove, admin.token)).status).toBe(404);
  });

  it('R4.17 the health, without a token', async () => {
    const { status, body } = await typed('curl http://localhost:8080/api/v1/health');
    expect([status, JSON.parse(body)]).toEqual([200, { status: 'ok', secrets: { vault_enabled: false, vault_connected: false } }]);
  });

  it('R4 every other one needs a token', async () => {
    for (const line of [
      `curl -X POST http://localhost:8080/tenant/ai/credentials/openai -H "Content-Type: application/json" -d '{"apiKey": "sk-test-key-1234567890"}'`,
      `curl -X POST http://localhost:8080/api/ai/chat -H "Content-Type: application/json" -d '{"message": "Hello, test the AI integration"}'`,
      'curl -X DELETE http://localhost:8080/tenant/ai/credentials/openai',
    ]) {
      const { status, body } = await typed(line);
      expect([status, JSON.parse(body)]).toMatchObject([401, { error: { code: 'unauthenticated', requestId: expect.any(String) as unknown } }]);
    }
  });
});

describe('R4.1, R4.2 a tenant\'s credential by the documented address', () => {
  let acme: TestTenant;

  beforeAll(async () => {
    acme = await makeTenant(world.product, 'acme');
    await makeTenant(world.product, 'globex');
  });

  it('R4.1 settings only where the service has such; nothing is stored otherwise', async () => {
    const settings = { endpoint: 'https://acme.openai.azure.com', deploymentMappings: { 'gpt-4o': 'acme-gpt-4o' } };
    const azure = await acme.admin.must('POST', '/tenant/ai/credentials/azure-openai', { apiKey: KEY, ...settings });
    expect(azure.body).toEqual({ success: true, message: 'Credentials stored securely in the encrypted database', provider: 'azure-openai' });
    for (const extra of [{ endpoint: settings.endpoint }, { deploymentMappings: {} }]) {
      const refused = await acme.admin.call('POST', CREDENTIAL, { apiKey: KEY, ...extra });
      expect([code(refused), refused.text]).toEqual([[400, 'invalid_argument'], expect.stringContaining(Object.keys(extra)[0] ?? '') as unknown]);
    }
    expect((await acme.admin.call('GET', '/api/v1/tenants/acme/credentials/openai')).status).toBe(404);
  });

  it('R4 an unknown service is named; a wrong body says what is wrong and never quotes the key', async () => {
    const unknown = await acme.admin.call('POST', '/tenant/ai/credentials/opnai', { apiKey: KEY });
    expect([code(unknown), unknown.text]).toEqual([[404, 'not_found'], expect.stringContaining('opnai') as unknown]);
    expect(code(await acme.admin.call('DELETE', '/tenant/ai/credentials/opnai'))).toEqual([404, 'not_found']);
    for (const body of [{}, { apiKey: 5 }, { apiKey: '' }, { apiKey: `${KEY}\n` }, { api_key: KEY }, { apiKey: KEY, apikey: KEY }, '{"apiKey": "sk-test-key-1234567890"', '[]']) {
      const refused = await acme.admin.call('POST', CREDENTIAL, body);
      expect(code(refused), JSON.stringify(body)).toEqual([400, 'invalid_argument']);
      expect(refused.text).not.toContain(KEY);
    }
  });

  it('R4 a platform role names the tenant, in the body or the query', async () => {
    const missing = await world.platform.call('POST', CREDENTIAL, { apiKey: KEY });
    expect([code(missing), missing.text]).toEqual([[400, 'invalid_argument'], expect.stringContaining('tenant_id') as unknown]);
    expect(code(await world.platform.call('DELETE', CREDENTIAL))).toEqual([400, 'invalid_argument']);
    expect((await world.platform.must('POST', CREDENTIAL, { apiKey: KEY, tenant_id: 'globex' })).body).toMatchObject({ success: true });
    await world.platform.must('DELETE', `${CREDENTIAL}?tenant_id=globex`);
    expect(code(await world.platform.call('POST', `${CREDENTIAL}?tenant_id=nowhere`, { apiKey: KEY }))).toEqual([404, 'not_found']);
  });

  it('R4, R10.2 another tenant is as unknown as one that does not exist', async () => {
    for (const tenant of ['globex', 'nowhere']) {
      const refused = await acme.admin.call('POST', CREDENTIAL, { apiKey: KEY, tenant_id: tenant });
      expect(refused.body['error']).toMatchObject({ code: 'not_found', message: `There is no tenant ${tenant}.` });
    }
  });

  it('R4.2 a deleted key is out of use with the next request, and what was done is in the audit log', async () => {
    await acme.admin.must('POST', CREDENTIAL, { apiKey: KEY });
    const chat = (): Promise<ApiAnswer> => application(acme).call('POST', CHAT, { message: 'Hello', provider: 'openai', model: 'deleted-later' });
    expect((await chat()).status).toBe(200);
    expect(await acme.admin.must('DELETE', CREDENTIAL)).toMatchObject({ status: 204, text: '' });
    expect(code(await chat())).toEqual([424, 'no_credential']);
    expect(requestsFor(world.provider.requests, 'deleted-later').length).toBe(1);
    const rows = (await acme.admin.must('GET', '/api/v1/tenants/acme/audit?action=credential.delete')).body['items'];
    expect((rows as Record<string, unknown>[])[0]).toMatchObject({ phase: 'outcome', outcome: 'ok', tenant: 'acme', resource: expect.stringContaining('openai') as unknown });
  });

  it('R0.2 roles and other kinds of keys', async () => {
    const member = await tokenOf(acme, 'tenant-member');
    expect(code(await member.call('POST', CREDENTIAL, { apiKey: KEY }))).toEqual([403, 'permission_denied']);
    expect(code(await member.call('DELETE', CREDENTIAL))).toEqual([403, 'permission_denied']);
    expect(code(await application(acme).call('POST', CREDENTIAL, { apiKey: KEY }))).toEqual([401, 'unauthenticated']);
  });
});

describe('R4.3 POST /api/ai/chat', () => {
  let initech: TestTenant;
  let app: Api;

  beforeAll(async () => {
    initech = await makeTenant(world.product, 'initech');
    app = application(initech);
  });

  async function setPolicy(policy: Readonly<Record<string, unknown>>): Promise<void> {
    await initech.admin.must('PUT', '/api/v1/tenants/initech/policy', policy);
  }

  it('R4.3 nothing decides: 400; the only AI credential decides; with two, 400 again, which names them', async () => {
    expect(code(await app.call('POST', CHAT, { message: 'Hello' }))).toEqual([400, 'invalid_argument']);
    await handOver(initech, 'groq', 'gsk_test_initech_key_0001');
    await initech.admin.must('PUT', '/api/v1/tenants/initech/credentials/stripe', { fields: { api_key: 'test-stripe-key-0001' } });
    expect((await app.must('POST', CHAT, { message: 'Hello' })).body).toMatchObject({ provider: 'groq', model: 'llama-3.3-70b-versatile' });
    await handOver(initech, 'openai', KEY);
    const two = await app.call('POST', CHAT, { message: 'Hello' });
    expect([code(two), two.text]).toEqual([[400, 'invalid_argument'], expect.stringMatching(/groq, openai/) as unknown]);
  });

  it('R4.3 provider and model: given, else the tenant\'s, else the catalogue\'s', async () => {
    await setPolicy({ defaultProvider: 'openai', defaultModels: { openai: 'gpt-tenant-default' } });
    expect((await app.must('POST', CHAT, { message: 'Hello' })).body).toMatchObject({ provider: 'openai', model: 'gpt-tenant-default' });
    expect((await app.must('POST', CHAT, { message: 'Hello', model: 'gpt-given' })).body).toMatchObject({ provider: 'openai', model: 'gpt-given' });
    expect((await app.must('POST', CHAT, { message: 'Hello', provider: 'groq' })).body).toMatchObject({ provider: 'groq', model: 'llama-3.3-70b-versatile' });
    expect((await app.must('POST', CHAT, { message: 'Hello', provider: 'groq', model: 'llama-given' })).body).toMatchObject({ provider: 'groq', model: 'llama-given' });
    expect(requestFor(world.provider, 'llama-given').path).toBe('/groq/v1/chat/completions');
  });

  it('R4.3 a provider that is not there is named; one that cannot chat says so; one without a key is 424', async () => {
    const unknown = await app.call('POST', CHAT, { message: 'Hello', provider: 'opnai' });
    expect([code(unknown), unknown.text]).toEqual([[404, 'not_found'], expect.stringContaining('opnai') as unknown]);
    expect(code(await app.call('POST', CHAT, { message: 'Hello', provider: 'stripe' }))).toEqual([404, 'not_found']);
    const absent = await app.call('POST', CHAT, { message: 'Hello', provider: 'anthropic' });
    expect(absent).toMatchObject({ status: 424, body: { error: { code: 'no_credential', details: { reason: 'absent', service: 'anthropic' }, requestId: expect.any(String) as unknown } } });
  });

  it('R4.3 with stream: OpenAI\'s own events as they come, metered', async () => {
    const response = await fetch(world.product.url + CHAT, {
      method: 'POST',
      headers: { authorization: `Bearer ${initech.gatewayKey}`, 'content-type': 'application/json' },
      body: JSON.stringify({ message: 'Hello', provider: 'openai', model: 'chat-stream', stream: true }),
    });
    expect([response.status, response.headers.get('content-type'), response.headers.get('x-keyhold-key-source')]).toEqual([200, 'text/event-stream; charset=utf-8', 'tenant']);
    const events = (await response.text()).split('\n\n').filter((event) => event !== '');
    expect(events.at(-1)).toBe('data: [DONE]');
    const chunks = events.slice(0, -1).map((event) => JSON.parse(event.slice('data: '.length)) as { object: string; choices: { delta: { content?: string } }[] });
    expect(new Set(chunks.map(({ object, choices }) => `${object} ${choices.length}`))).toEqual(new Set(['chat.completion.chunk 1']));
    expect(chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('')).toBe(reply('Hello').join(''));
    expect(await usageEvents(initech, 'chat-stream')).toMatchObject([{ outcome: 'completed', estimated: false, outputTokens: 9, gatewayKeyId: initech.gatewayKeyId }]);
  });

  it('R5.2 a stream that breaks off does not look finished', async () => {
    const response = await fetch(world.product.url + CHAT, {
      method: 'POST',
      headers: { authorization: `Bearer ${initech.gatewayKey}`, 'content-type': 'application/json' },
      body: JSON.stringify({ message: 'Hello', provider: 'openai', model: 'cut-midstream-chat', stream: true }),
    });
    expect(response.status).toBe(200);
    await expect(response.text()).rejects.toThrow('terminated');
    expect(await usageEvents(initech, 'cut-midstream-chat')).toMatchObject([{ outcome: 'failed', estimated: true }]);
  });

  it('R0.3 a provider\'s failures come in our own shape, under our own codes', async () => {
    const ask = (model: string): Promise<ApiAnswer> => app.call('POST', CHAT, { message: 'Hello', provider: 'openai', model });
    const cases: readonly (readonly [model: string, status: number, code: string])[] = [
      ['error-400', 400, 'invalid_argument'],
      ['error-401', 401, 'unauthenticated'],
      ['error-403', 403, 'permission_denied'],
      ['error-404', 404, 'not_found'],
      ['error-429', 429, 'rate_limited'],
      ['error-500', 502, 'upstream_failed'],
      ['cut-midstream-plain', 502, 'upstream_failed'],
      ['cut-before-answer', 502, 'upstream_failed'],
      ['redirect', 502, 'upstream_failed'],
      ['quotes-key', 400, 'invalid_argument'],
    ];
    for (const [model, status, expected] of cases) {
      const answer = await ask(model);
      expect(code(answer), model).toEqual([status, expected]);
      expect(answer.text, model).not.toContain(KEY);
    }
  });

  it('R4.3 the body is checked: exactly message, provider, model and stream', async () => {
    const before = world.provider.requests.length;
    for (const body of [{}, { message: '' }, { message: 5 }, { message: 'Hello', stream: 'yes' }, { message: 'Hello', temperature: 1 }, '{"message":"a","message":"b"}', 'Hello', '"Hello"']) {
      expect(code(await app.call('POST', CHAT, body)), JSON.stringify(body)).toEqual([400, 'invalid_argument']);
    }
    expect(code(await app.call('POST', CHAT, { message: 'x'.repeat(1_100_000) }))).toEqual([413, 'payload_too_large']);
    expect(code(await app.call('GET', CHAT))).toEqual([404, 'not_found']);
    expect(world.provider.requests.length).toBe(before);
  });

  it('R0.2 gateway keys, tenant-admin and tenant-member may; auditors and the platform\'s roles may not', async () => {
    const body = { message: 'Hello', provider: 'openai', model: 'who-may' };
    for (const role of ['tenant-admin', 'tenant-member']) expect((await (await tokenOf(initech, role)).call('POST', CHAT, body)).status, role).toBe(200);
    expect((await app.call('POST', CHAT, body)).status).toBe(200);
    expect(code(await (await tokenOf(initech, 'tenant-auditor')).call('POST', CHAT, body))).toEqual([403, 'permission_denied']);
    expect(code(await world.platform.call('POST', CHAT, body))).toEqual([403, 'permission_denied']);
    expect(requestsFor(world.provider.requests, 'who-may').length).toBe(3);
  });

  it('R5.2 a client that leaves stops the provider', async () => {
    const controller = new AbortController();
    const call = fetch(world.product.url + CHAT, {
      method: 'POST',
      signal: controller.signal,
      headers: { authorization: `Bearer ${initech.gatewayKey}`, 'content-type': 'application/json' },
      body: JSON.stringify({ message: 'Hello', provider: 'openai', model: 'silent-chat' }),
    }).catch((error: unknown) => error);
    const recorded = await until('the provider has the request', () => requestsFor(world.provider.requests, 'silent-chat')[0]);
    controller.abort();
    await call;
    await until('the provider is left alone', () => recorded.aborted);
    expect(await usageEvent(initech, 'silent-chat')).toMatchObject({ outcome: 'aborted', estimated: true });
  });
});

it('R10.1 none of this has put a key into the log', () => {
  expect(world.product.output()).not.toContain(KEY);
});
