import { connect } from 'node:net';
import * as fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ask, defaultPolicy, eventually, type GatewayFixture, gatewayKeyOf, type RawRequest, send, startGateway, tokenOf } from '../../test/support/gateway-fixture.ts';
import { type ProviderServer, startProviderServer } from '../../test/support/servers/provider-server.ts';

let provider: ProviderServer;
let gateway: GatewayFixture;

beforeAll(async () => {
  provider = await startProviderServer();
});
afterAll(() => provider.close());
beforeEach(async () => {
  provider.requests.length = 0;
  gateway = await startGateway({ baseUrls: { openai: provider.openAiUrl, groq: provider.openAiUrl }, limits: { openPerTenant: 3, bodyBytesPerTenant: 40 * 1024 * 1024 } });
});
afterEach(() => gateway.close());

const chat = { model: 'gpt-4o-mini', messages: [{ role: 'user', content: 'Hi' }] };
const path = '/v1/chat/completions';
const json = { authorization: 'Bearer key', 'content-type': 'application/json' };

async function statusOf(request: RawRequest): Promise<number> {
  return (await send(gateway.url, request)).status;
}

/** Bytes as they are, for what node:http's client refuses to send. */
function raw(bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(gateway.url).port), '127.0.0.1', () => socket.write(bytes));
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(text));
  });
}

describe('S22 keys', () => {
  it('none and an unknown one are 401, another scheme too', async () => {
    expect(await statusOf({ path, body: '{}' })).toBe(401);
    expect(await statusOf({ path, headers: { authorization: 'Bearer ' }, body: '{}' })).toBe(401);
    expect(await statusOf({ path, headers: { authorization: 'Basic a2V5' }, body: '{}' })).toBe(401);
    const unknown = await send(gateway.url, { path, headers: { authorization: 'Bearer sk-test-somebody' }, body: '{}' });
    expect(unknown.status).toBe(401);
    expect(unknown.body.toString()).not.toContain('somebody');
    expect(gateway.signInsFailed).toHaveLength(1);
  });

  it('R0.3 too many unknown ones are 429, a missing one stays 401, a known one is served', async () => {
    for (let count = 0; count < 20; count += 1) await statusOf({ path, headers: { authorization: 'Bearer nobody' }, body: '{}' });
    expect(await send(gateway.url, { path, headers: { authorization: 'Bearer nobody' }, body: '{}' })).toMatchObject({ status: 429, headers: { 'retry-after': '30' } });
    expect(await statusOf({ path, body: '{}' })).toBe(401);
    expect((await ask(gateway.url, path, chat)).status).toBe(200);
  });

  it('two different ones are 400, wherever they stand; the same one twice is one', async () => {
    const body = JSON.stringify(chat);
    const type = ['content-type', 'application/json', 'content-length', String(body.length)];
    expect(await statusOf({ path, headers: ['host', 'x', 'Authorization', 'Bearer key', 'authorization', 'Bearer other', ...type], body })).toBe(400);
    expect(await statusOf({ path, headers: ['host', 'x', 'Authorization', 'Bearer other', 'X-Api-Key', 'key', ...type], body })).toBe(400);
    expect(await statusOf({ path, headers: ['host', 'x', 'Authorization', 'Bearer key', 'X-Api-Key', 'key', ...type], body })).toBe(200);
  });

  it('platform tokens do not use tenants\' keys', async () => {
    gateway.principals.set('platform', { actor: { kind: 'token', id: 'p', role: 'platform-admin', scope: { kind: 'platform' } }, gatewayKey: null });
    expect((await ask(gateway.url, path, chat, { authorization: 'Bearer platform' })).status).toBe(403);
  });
});

describe('S34 admission', () => {
  it('refuses a stranger before a byte of the body is read', async () => {
    const answer = await raw(`POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\nconnection: close\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 401 /);
  });

  it('R0.3 refuses what is too large, announced or not, and answers all the same', async () => {
    const large = Buffer.alloc(33 * 1024 * 1024, 0x20);
    expect((await send(gateway.url, { path, headers: { ...json, 'content-length': large.length }, body: large })).status).toBe(413);
    expect((await send(gateway.url, { path, headers: { ...json, 'transfer-encoding': 'chunked' }, body: large })).status).toBe(413);
    expect(provider.requests).toEqual([]);
  });

  it('reads bodies above 8 MiB beside the event loop and passes them unchanged', async () => {
    const body = JSON.stringify({ padding: 'é'.repeat(5_000_000), model: 'groq/llama', messages: [] });
    let longest = 0;
    let last = performance.now();
    const beat = setInterval(() => {
      longest = Math.max(longest, performance.now() - last);
      last = performance.now();
    }, 1);
    const answer = await send(gateway.url, { path, headers: json, body });
    clearInterval(beat);
    expect(answer.status).toBe(200);
    expect(provider.requests[0]?.body.toString()).toBe(body.replace('groq/llama', 'llama'));
    expect(await statusOf({ path, headers: json, body: `${body}x` })).toBe(400);
    expect(longest).toBeLessThan(5_000);
  });

  it('R0.3 caps the open requests of a tenant, and not those of another', async () => {
    gateway.principals.set('other', tokenOf('other'));
    const controller = new AbortController();
    const silent = [1, 2, 3].map(() =>
      fetch(gateway.url + path, { method: 'POST', headers: json, body: JSON.stringify({ ...chat, model: 'silent' }), signal: controller.signal }).catch(() => undefined),
    );
    await eventually(() => provider.requests.length === 3);
    expect(await ask(gateway.url, path, chat)).toMatchObject({ status: 429, headers: { 'retry-after': '1' } });
    expect((await ask(gateway.url, path, chat, { authorization: 'Bearer other' })).status).toBe(200);
    controller.abort();
    await Promise.all(silent);
    await eventually(() => gateway.gateway.openRequests() === 0);
    expect((await ask(gateway.url, path, chat)).status).toBe(200);
  });

  it('bounds the memory of bodies that are under way', async () => {
    const sockets = [1, 2].map(() => {
      const socket = connect(Number(new URL(gateway.url).port), '127.0.0.1');
      socket.on('error', () => undefined);
      socket.write(`POST ${path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer key\r\ncontent-type: application/json\r\ncontent-length: ${15 * 1024 * 1024}\r\n\r\n{`);
      return socket;
    });
    await eventually(() => gateway.gateway.openRequests() === 2);
    expect((await send(gateway.url, { path, headers: json, body: Buffer.alloc(16 * 1024 * 1024, 0x20) })).status).toBe(429);
    for (const socket of sockets) socket.destroy();
    await eventually(() => gateway.gateway.openRequests() === 0);
    expect((await ask(gateway.url, path, chat)).status).toBe(200);
  });

  it('forgets a request that was sent behind another one when the client leaves', async () => {
    const body = JSON.stringify({ ...chat, model: 'silent' });
    const one = `POST ${path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer key\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
    const socket = connect(Number(new URL(gateway.url).port), '127.0.0.1');
    socket.on('error', () => undefined);
    socket.write(one + one);
    await eventually(() => provider.requests.length === 2);
    expect(gateway.gateway.openRequests()).toBe(2);
    socket.destroy();
    await eventually(() => gateway.gateway.openRequests() === 0 && gateway.ended.length === 2);
    expect(gateway.ended.map(({ outcome }) => outcome)).toEqual(['aborted', 'aborted']);
  });

  it('S9 refuses a browser\'s address bar', async () => {
    expect((await ask(gateway.url, path, chat, { 'sec-fetch-mode': 'navigate' })).status).toBe(403);
  });
});

describe('S8 bodies', () => {
  it.each([
    ['compressed', { ...json, 'content-encoding': 'gzip' }, JSON.stringify(chat)],
    ['another type', { ...json, 'content-type': 'multipart/form-data; boundary=x' }, JSON.stringify(chat)],
    ['another character set', { ...json, 'content-type': 'application/json; charset=utf-16' }, JSON.stringify(chat)],
    ['not UTF-8', json, Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])],
    ['not JSON', json, '{"model":'],
    ['duplicate model', json, '{"model":"a","model":"b"}'],
    ['empty', json, ''],
  ])('%s is 400 and reaches nobody', async (_name, headers, body) => {
    expect(await statusOf({ path, headers, body })).toBe(400);
    expect(provider.requests).toEqual([]);
    expect(gateway.started).toEqual([]);
  });

  it.each(['--', `"${'-'.repeat(8_000)}"`, '', `x${'; boundary=-'.repeat(800)}`])('CVE-2024-8984: a multipart body without end is refused by its type, unread, whatever its boundary', async (boundary) => {
    const answer = await raw(`POST ${path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer key\r\ncontent-type: multipart/form-data; boundary=${boundary}\r\ncontent-length: 99999999\r\nconnection: close\r\n\r\n${'-'.repeat(1000)}`);
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
  });
});

describe('S6 paths', () => {
  it.each([
    '/v1/../v1/chat/completions', '/v1/./chat/completions', '/v1//chat/completions', '/v1/chat%2fcompletions', '/v1/chat%2Ecompletions', '/v1/%2e%2e/x',
    '/v1/chat\\completions', '/v1/chat%5ccompletions', '/v1/chat;x/completions', '/v1/chat%3bcompletions', '/v1/chat/completions%00', '/v1/chat/completions%25',
    '/v1/chat/completions?key=abc', '/v1/chat/completions?API_KEY=abc', '/v1/chat/completions?a=1&access_token=x', '/v1/chat/completions?%6bey=x', '/v1/models/a%2F..%2Fb',
    '/v1/chat/completions?a=%ff',
  ])('%s is 400', async (odd) => {
    const answer = await raw(`POST ${odd} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer key\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`.replace('POST /v1/models', 'GET /v1/models'));
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(provider.requests).toEqual([]);
  });

  it('whatever path and query come, the provider sees a route of the catalogue or nothing', async () => {
    const piece = fc.constantFrom('v1', 'chat', 'completions', 'models', 'embeddings', '..', '.', '', '%2e', '%2F', '\\', ';', '@', ':', 'x', '%00', 'openai', '?', '?key=1', '?a=b', '#');
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { minLength: 1, maxLength: 7 }), fc.constantFrom('GET', 'POST', 'DELETE'), async (parts, method) => {
        const before = provider.requests.length;
        const target = `/v1/${parts.join('/')}`;
        await raw(`${method} ${target} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer key\r\ncontent-type: application/json\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}`);
        for (const { path: seen } of provider.requests.slice(before)) {
          expect(seen).toMatch(/^\/v1\/(?:chat\/completions|completions|embeddings|responses|moderations|realtime\/client_secrets|models(?:\/[\w%~!'()*.-]+)*)$/);
          expect(seen).not.toMatch(/\/\.{1,2}(?:\/|$)/);
        }
      }),
      { numRuns: 150 },
    );
  });

  it('GHSA-4xpc: neither Host nor an address in the request line chooses who is called', async () => {
    const { port } = new URL(provider.url);
    const head = `authorization: Bearer key\r\ncontent-type: application/json\r\ncontent-length: ${JSON.stringify(chat).length}\r\nconnection: close`;
    expect(await raw(`POST http://127.0.0.1:${port}/v1/chat/completions HTTP/1.1\r\nhost: x\r\n${head}\r\n\r\n${JSON.stringify(chat)}`)).toMatch(/^HTTP\/1\.1 400 /);
    expect(provider.requests).toEqual([]);
    const forged = await raw(
      `POST ${path} HTTP/1.1\r\nhost: 169.254.169.254\r\nforwarded: host=evil\r\nx-forwarded-host: evil\r\nx-forwarded-for: 10.0.0.1\r\n${head}\r\n\r\n${JSON.stringify(chat)}`,
    );
    expect(forged).toMatch(/^HTTP\/1\.1 200 /);
    expect(provider.requests[0]?.headers.host).toBe(`127.0.0.1:${port}`);
    expect(Object.keys(provider.requests[0]?.headers ?? {}).filter((name) => /forward/.test(name))).toEqual([]);
  });

  it('CVE-2024-6587: an address in the body or a header does not receive the stored key', async () => {
    const thief = await startProviderServer();
    const fields = { api_base: thief.url, base_url: thief.openAiUrl, endpoint: thief.url, api_key: 'x', organization: 'x' };
    const headers = { 'x-keyhold-base-url': thief.url, 'helicone-target-url': thief.url, 'x-portkey-custom-host': thief.url, 'openai-base-url': thief.url };
    expect((await ask(gateway.url, path, { ...chat, ...fields, litellm_params: fields, extra_body: fields }, headers)).status).toBe(200);
    expect((await ask(gateway.url, `${path}?api_base=${encodeURIComponent(thief.url)}`, chat)).status).toBe(200);
    expect(thief.requests).toEqual([]);
    expect(provider.requests.map((request) => request.path)).toEqual([path, path]);
    await thief.close();
  });
});

describe('S7 headers', () => {
  it('whatever headers come, only listed ones reach the provider, with one key and no second life of the connection', async () => {
    const name = fc.oneof(
      fc.constantFrom('Cookie', 'X-HTTP-Method-Override', 'X-Forwarded-For', 'Api-Key', 'X-Keyhold-Secret', 'Accept-Encoding', 'OpenAI-Beta', 'X-Stainless-Lang', 'Proxy-Authorization', 'X-Request-Id', 'Te', 'Forwarded', 'Via', 'Origin', 'Referer'),
      fc.stringMatching(/^[A-Za-z][A-Za-z0-9-]{0,20}$/).filter((odd) => !/^(?:content-length|transfer-encoding|connection|host|upgrade|expect|trailer|authorization|x-api-key|x-keyhold-.*|content-.*|sec-fetch-mode|keep-alive|http2-settings)$/i.test(odd)),
    );
    const allowed = /^(?:host|connection|accept-encoding|authorization|content-type|content-length|accept|user-agent|x-stainless-[\w-]*|openai-beta|x-client-request-id|idempotency-key|openai-organization|openai-project)$/;
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(name, fc.stringMatching(/^[\x21-\x7e]{0,30}$/)), { maxLength: 8 }), async (pairs) => {
        const body = JSON.stringify(chat);
        const headers = ['host', 'x', 'authorization', 'Bearer key', 'content-type', 'application/json', 'content-length', String(body.length), ...pairs.flat()];
        const { status } = await send(gateway.url, { path, headers, body });
        expect(status).toBe(200);
        const seen = provider.requests.at(-1);
        for (const header of Object.keys(seen?.headers ?? {})) expect(header).toMatch(allowed);
        expect(seen?.headers.authorization).toBe('Bearer sk-test-provider-key');
        expect(seen?.headers['accept-encoding']).toBe('identity');
        expect(seen?.rawHeaders.filter((text) => text.toLowerCase() === 'authorization')).toHaveLength(1);
      }),
      { numRuns: 100 },
    );
  });

  it('a shared credential sends no selectors of the account and shows nothing of it', async () => {
    const headers = { 'openai-organization': 'org-x', 'idempotency-key': 'k' };
    const own = await ask(gateway.url, path, chat, headers);
    expect(provider.requests[0]?.headers).toMatchObject(headers);
    expect(own.headers).toMatchObject({ 'openai-organization': 'org-local-account', 'x-ratelimit-remaining-requests': '4999' });
    gateway.source = 'platform';
    const shared = await ask(gateway.url, path, chat, headers);
    expect(provider.requests[1]?.headers['openai-organization']).toBeUndefined();
    expect(provider.requests[1]?.headers['idempotency-key']).toBeUndefined();
    expect(shared.headers['openai-organization']).toBeUndefined();
    expect(shared.headers['x-ratelimit-remaining-requests']).toBeUndefined();
    for (const answer of [own, shared]) for (const never of ['set-cookie', 'alt-svc', 'strict-transport-security']) expect(answer.headers[never]).toBeUndefined();
  });

  it('S5 a value that a store gave back with a line break never reaches a socket', async () => {
    gateway.key = 'sk-test\r\nx-injected: yes';
    expect((await ask(gateway.url, path, chat)).status).toBe(500);
    expect(provider.requests).toEqual([]);
    expect(gateway.started).toEqual([]);
  });
});

describe('S1 shared credentials', () => {
  it.each([
    ['/v1/chat/completions', { ...chat, messages: [{ role: 'user', content: [{ type: 'file', file: { file_id: 'file-1' } }] }] }],
    ['/v1/chat/completions', { ...chat, model: 'ft:gpt-4o-mini:acme' }],
    ['/v1/responses', { model: 'gpt-4o-mini', input: 'Hi', previous_response_id: 'resp_1' }],
    ['/v1/responses', { model: 'gpt-4o-mini', input: 'Hi', background: true }],
  ])('do not serve %s with %j, which a credential of one\'s own does', async (route, body) => {
    expect((await ask(gateway.url, route, body)).status).toBe(200);
    gateway.source = 'platform';
    const answer = await ask(gateway.url, route, body);
    expect(answer).toMatchObject({ status: 403, headers: { 'x-keyhold-error-origin': 'keyhold' } });
    expect(provider.requests).toHaveLength(1);
  });

  it('do not show the account\'s models, and serve what refers to nothing', async () => {
    gateway.source = 'platform';
    expect(await statusOf({ method: 'GET', path: '/v1/models', headers: json })).toBe(403);
    expect(await statusOf({ method: 'GET', path: '/v1/models/gpt-4o', headers: json })).toBe(403);
    expect((await ask(gateway.url, path, { ...chat, tools: [{ type: 'function', function: { name: 'f', parameters: { properties: { file_id: {} } } } }] })).status).toBe(200);
  });
});

describe('S2 and S8 what a gateway key reaches', () => {
  const cases: [string, Parameters<typeof gatewayKeyOf>[1], unknown, number][] = [
    ['its services', { services: ['groq'] }, chat, 403],
    ['its services, with the prefix', { services: ['groq'] }, { ...chat, model: 'groq/llama' }, 200],
    ['its models', { models: ['gpt-4o*'] }, chat, 200],
    ['no other model', { models: ['gpt-3*'] }, chat, 403],
    ['no other model as a fallback', { models: ['gpt-4o*'] }, { ...chat, models: ['gpt-4o', 'o1'] }, 403],
    ['no model that is not named', { models: ['gpt-4o*'] }, { messages: [] }, 403],
    ['its routes', { routes: ['embeddings'] }, chat, 403],
    ['AI services without a list', {}, chat, 200],
  ];
  it.each(cases)('%s', async (_name, scope, body, status) => {
    gateway.principals.set('gk', gatewayKeyOf('acme', scope));
    const answer = await ask(gateway.url, path, body, { authorization: 'Bearer gk' });
    expect(answer.status).toBe(status);
    if (status === 403) expect(JSON.parse(answer.body.toString())).toMatchObject({ error: { code: 'permission_denied', type: 'permission_error' } });
  });

  it('R10.2 a policy of one tenant says nothing about another', async () => {
    gateway.policy = { ...defaultPolicy, defaultProvider: 'groq' };
    await ask(gateway.url, path, chat);
    expect(gateway.ended).toMatchObject([{ service: 'groq', tenant: 'acme' }]);
  });
});
