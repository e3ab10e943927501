import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ask, defaultPolicy, type GatewayFixture, gatewayKeyOf, send, startGateway } from '../../test/support/gateway-fixture.ts';
import { type ProviderServer, startProviderServer } from '../../test/support/servers/provider-server.ts';

let provider: ProviderServer;
let gateway: GatewayFixture;

beforeAll(async () => {
  provider = await startProviderServer();
});
afterAll(() => provider.close());
beforeEach(async () => {
  provider.requests.length = 0;
  provider.keys = null;
  gateway = await startGateway({ baseUrls: { openai: provider.openAiUrl, anthropic: provider.url, groq: provider.openAiUrl } });
  gateway.credentials = ['openai'];
});
afterEach(() => gateway.close());

const path = '/api/ai/chat';

describe('R4.3 POST /api/ai/chat', () => {
  it('answers exactly in its shape', async () => {
    const answer = await ask(gateway.url, path, { message: 'Hello, test the AI integration' });
    expect(answer.status).toBe(200);
    const { usage } = JSON.parse(answer.body.toString()) as { usage: { input_tokens: number } };
    expect(JSON.parse(answer.body.toString())).toEqual({
      message: 'Hello from the local provider 👋. You said: “Hello, test the AI integration”',
      provider: 'openai',
      model: 'gpt-4o-mini',
      usage: { input_tokens: usage.input_tokens, output_tokens: 9, total_tokens: usage.input_tokens + 9 },
    });
    expect(JSON.parse(provider.requests[0]?.body.toString() ?? '')).toEqual({ model: 'gpt-4o-mini', messages: [{ role: 'user', content: 'Hello, test the AI integration' }] });
    expect(gateway.ended).toMatchObject([{ outcome: 'completed', outputTokens: 9, estimated: false, route: 'chat/completions' }]);
    expect(answer.headers).toMatchObject({ 'x-keyhold-key-source': 'tenant', 'content-type': 'application/json' });
  });

  it('streams OpenAI\'s own events', async () => {
    const answer = await ask(gateway.url, path, { message: 'Hi', stream: true });
    expect(answer.headers['content-type']).toContain('text/event-stream');
    expect(answer.body.toString()).toContain('"object":"chat.completion.chunk"');
    expect(answer.body.toString().endsWith('data: [DONE]\n\n')).toBe(true);
    expect(answer.body.toString()).not.toContain('"choices":[]');
    expect(gateway.ended).toMatchObject([{ estimated: false, outputTokens: 9 }]);
  });

  it('asks the provider given, else the gateway key\'s, else the tenant\'s, else the only one', async () => {
    gateway.policy = { ...defaultPolicy, defaultProvider: 'groq', defaultModels: { groq: 'llama-x' } };
    gateway.principals.set('gk', gatewayKeyOf('acme', { defaultProvider: 'anthropic' }));
    const asked = [
      await ask(gateway.url, path, { message: 'Hi', provider: 'openai', model: 'gpt-x' }),
      await ask(gateway.url, path, { message: 'Hi' }, { authorization: 'Bearer gk' }),
      await ask(gateway.url, path, { message: 'Hi' }),
    ];
    gateway.policy = defaultPolicy;
    gateway.credentials = ['anthropic', 'twilio', 'anthropic'];
    asked.push(await ask(gateway.url, path, { message: 'Hi' }));
    expect(asked.map(({ body }) => JSON.parse(body.toString()) as unknown)).toMatchObject([
      { provider: 'openai', model: 'gpt-x' },
      { provider: 'anthropic', model: 'claude-haiku-4-5' },
      { provider: 'groq', model: 'llama-x' },
      { provider: 'anthropic', model: 'claude-haiku-4-5' },
    ]);
  });

  it.each([[[]], [['openai', 'anthropic']]])('is 400 when the credentials %j decide nothing', async (credentials) => {
    gateway.credentials = credentials;
    const answer = await ask(gateway.url, path, { message: 'Hi' });
    expect(answer.status).toBe(400);
    expect(JSON.parse(answer.body.toString())).toMatchObject({ error: { code: 'invalid_argument', requestId: answer.headers['x-request-id'] } });
  });

  it.each([
    [{}, 400],
    [{ message: '' }, 400],
    [{ message: 1 }, 400],
    [{ message: 'Hi', stream: 'yes' }, 400],
    [{ message: 'Hi', temperature: 1 }, 400],
    [{ message: 'Hi', provider: 'no where' }, 400],
    [{ message: 'Hi', provider: 'nowhere' }, 404],
    [{ message: 'Hi', provider: 'stripe' }, 404],
    [[], 400],
  ])('refuses %j with %i in our own shape', async (body, status) => {
    const answer = await ask(gateway.url, path, body);
    expect(answer.status).toBe(status);
    const { error } = JSON.parse(answer.body.toString()) as { error: Record<string, unknown> };
    expect(Object.keys(error).sort()).toEqual(['code', 'message', 'requestId']);
    expect(provider.requests).toEqual([]);
  });

  it('refuses duplicate keys, strangers and other methods', async () => {
    const headers = { authorization: 'Bearer key', 'content-type': 'application/json' };
    expect((await send(gateway.url, { path, headers, body: '{"message":"a","message":"b"}' })).status).toBe(400);
    expect((await send(gateway.url, { path, headers: { 'content-type': 'application/json' }, body: '{"message":"a"}' })).status).toBe(401);
    expect((await send(gateway.url, { method: 'GET', path, headers })).status).toBe(404);
  });

  it('respects what a gateway key reaches', async () => {
    gateway.principals.set('gk', gatewayKeyOf('acme', { services: ['groq'] }));
    expect((await ask(gateway.url, path, { message: 'Hi', provider: 'openai' }, { authorization: 'Bearer gk' })).status).toBe(403);
  });

  it.each([
    ['error-404', 404, 'not_found'],
    ['error-400', 400, 'invalid_argument'],
    ['error-429', 429, 'rate_limited'],
    ['error-500', 502, 'upstream_failed'],
    ['cut-midstream', 502, 'upstream_failed'],
  ])('tells %s as %i %s', async (model, status, code) => {
    const answer = await ask(gateway.url, path, { message: 'Hi', model });
    expect(answer.status).toBe(status);
    expect(JSON.parse(answer.body.toString())).toMatchObject({ error: { code } });
    expect(gateway.ended).toMatchObject([{ outcome: 'failed' }]);
  });

  it('R0.3 tells when a provider that is busy wants to be asked again', async () => {
    expect(await ask(gateway.url, path, { message: 'Hi', model: 'error-429' })).toMatchObject({ status: 429, headers: { 'retry-after': '1' } });
  });

  it('tells a refused key without the provider\'s words', async () => {
    provider.keys = new Set();
    const answer = await ask(gateway.url, path, { message: 'Hi' });
    expect(answer).toMatchObject({ status: 401, headers: { 'x-keyhold-error-origin': 'upstream' } });
    expect(answer.body.toString()).not.toContain('sk-test-provider-key');
  });
});
