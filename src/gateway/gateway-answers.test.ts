import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ask, defaultPolicy, eventually, type GatewayFixture, gatewayKeyOf, send, startGateway } from '../../test/support/gateway-fixture.ts';
import { type ProviderServer, startProviderServer } from '../../test/support/servers/provider-server.ts';
import { dollars } from '../core/prices/money.ts';
import { KeyholdError } from '../ports/errors.ts';

let provider: ProviderServer;
let gateway: GatewayFixture;

beforeAll(async () => {
  provider = await startProviderServer({ keys: ['sk-test-provider-key', 'sk-test-newer', 'sk-test-explicit'] });
});
afterAll(() => provider.close());
beforeEach(async () => {
  provider.requests.length = 0;
  gateway = await startGateway({ baseUrls: { openai: provider.openAiUrl, anthropic: provider.url, groq: provider.openAiUrl, mistral: provider.openAiUrl } });
});
afterEach(() => gateway.close());

const chat = { model: 'gpt-4o-mini', messages: [{ role: 'user', content: 'Hi 😀' }] };

describe('R5.1 and R5.6 a plain answer', () => {
  it('passes byte for byte both ways, with the key put in and what it cost written before it ends', async () => {
    const body = '{ "model" : "gpt-4o-mini",\n "messages":[{"role":"user","content":"é\\u00e9 😀"}] }';
    const answer = await send(gateway.url, { path: '/v1/chat/completions', headers: { authorization: 'Bearer key', 'content-type': 'application/json' }, body });
    expect(answer.status).toBe(200);
    expect(provider.requests[0]?.body.toString()).toBe(body);
    expect(provider.requests[0]?.key).toBe('sk-test-provider-key');
    expect(provider.requests[0]?.path).toBe('/v1/chat/completions');
    const { usage } = JSON.parse(answer.body.toString()) as { usage: { prompt_tokens: number; completion_tokens: number } };
    expect(gateway.ended).toMatchObject([{ outcome: 'completed', status: 200, inputTokens: usage.prompt_tokens, outputTokens: usage.completion_tokens, estimated: false, model: 'gpt-4o-mini', route: 'chat/completions', attempts: 1, unpriced: false, cost: dollars(usage.prompt_tokens * 150 + usage.completion_tokens * 600) }]);
    expect(gateway.started[0]?.id).toBe(gateway.ended[0]?.id);
  });

  it('R0.4 tells which credential served, and the provider\'s request id under our name', async () => {
    const { headers } = await ask(gateway.url, '/v1/chat/completions', chat, { 'x-request-id': 'mine-1' });
    expect(headers).toMatchObject({ 'x-request-id': 'mine-1', 'x-keyhold-key-source': 'tenant', 'x-keyhold-credential': 'cred_test000000000000', 'x-keyhold-upstream-request-id': 'req-local-1' });
  });

  it('S9 carries headers that make it useless in a browser', async () => {
    const { headers } = await ask(gateway.url, '/v1/chat/completions', chat);
    expect(headers).toMatchObject({ 'content-security-policy': "sandbox; default-src 'none'", 'x-content-type-options': 'nosniff', 'cross-origin-resource-policy': 'same-origin' });
  });

  it('takes the provider/ prefix off once, whatever its spelling', async () => {
    await ask(gateway.url, '/v1/chat/completions', { ...chat, model: 'groq/openai/gpt-oss' });
    await send(gateway.url, { path: '/v1/chat/completions', headers: { authorization: 'Bearer key' }, body: '{"a":1,"model": "groq\\/llama","b":2}' });
    await ask(gateway.url, '/v1/chat/completions', { ...chat, model: 'meta-llama/llama' });
    expect(provider.requests.map(({ body }) => body.toString())).toEqual([
      JSON.stringify({ ...chat, model: 'openai/gpt-oss' }),
      '{"a":1,"model": "llama","b":2}',
      JSON.stringify({ ...chat, model: 'meta-llama/llama' }),
    ]);
    expect(gateway.ended.map(({ service, model }) => `${service} ${model}`)).toEqual(['groq openai/gpt-oss', 'groq llama', 'openai meta-llama/llama']);
  });

  it('goes to the gateway key\'s default, then the tenant\'s, then the operator\'s', async () => {
    gateway.policy = { ...defaultPolicy, defaultProvider: 'mistral' };
    await ask(gateway.url, '/v1/chat/completions', chat);
    gateway.principals.set('gk', gatewayKeyOf('acme', { defaultProvider: 'groq', tags: { team: 'blue' } }));
    await ask(gateway.url, '/v1/chat/completions', chat, { authorization: 'Bearer gk' });
    expect(gateway.ended).toMatchObject([
      { service: 'mistral', tokenId: 'token1', gatewayKeyId: null },
      { service: 'groq', tokenId: null, gatewayKeyId: 'gk1', tags: { team: 'blue' } },
    ]);
  });

  it('sends a model-less request where x-keyhold-provider says, and refuses one that contradicts the model', async () => {
    const models = await send(gateway.url, { method: 'GET', path: '/v1/models', headers: { authorization: 'Bearer key', 'x-keyhold-provider': 'groq' } });
    expect(models.status).toBe(200);
    expect(gateway.ended).toMatchObject([{ service: 'groq', route: 'models', inputTokens: 0, estimated: false }]);
    expect((await ask(gateway.url, '/v1/chat/completions', chat, { 'x-keyhold-provider': 'groq' })).status).toBe(400);
    expect((await send(gateway.url, { method: 'GET', path: '/v1/models', headers: { authorization: 'Bearer key', 'x-keyhold-provider': 'nowhere' } })).body.toString()).toContain('nowhere');
  });

  it('counts embeddings of any size, which pass without being held', async () => {
    const answer = await ask(gateway.url, '/v1/embeddings', { model: 'huge-embedding', input: 'x' });
    expect(answer.body.length).toBeGreaterThan(2_000_000);
    expect(answer.whole).toBe(true);
    expect(gateway.ended).toMatchObject([{ inputTokens: 1, outputTokens: 0, estimated: false, outcome: 'completed' }]);
  });

  it('FACTS 4 estimates where the provider tells no usage', async () => {
    await ask(gateway.url, '/v1/chat/completions', { ...chat, model: 'no-usage' });
    expect(gateway.ended[0]).toMatchObject({ estimated: true, outcome: 'completed' });
    expect(gateway.ended[0]?.outputTokens).toBeGreaterThan(0);
  });

  it('reads Anthropic\'s usage, where cached tokens are not among the input tokens', async () => {
    const answer = await ask(gateway.url, '/anthropic/v1/messages', { ...chat, max_tokens: 10 }, { authorization: '', 'x-api-key': 'key', 'anthropic-version': '2023-06-01' });
    const { usage } = JSON.parse(answer.body.toString()) as { usage: { input_tokens: number; output_tokens: number } };
    expect(provider.requests[0]).toMatchObject({ path: '/v1/messages', key: 'sk-test-provider-key' });
    expect(provider.requests[0]?.headers).toMatchObject({ 'x-api-key': 'sk-test-provider-key', 'anthropic-version': '2023-06-01' });
    expect(provider.requests[0]?.headers.authorization).toBeUndefined();
    expect(gateway.ended).toMatchObject([{ service: 'anthropic', inputTokens: usage.input_tokens + 3, cachedTokens: 3, outputTokens: usage.output_tokens }]);
  });

  it('reaches an overridden anthropic in OpenAI\'s format below /v1', async () => {
    await ask(gateway.url, '/v1/chat/completions', { ...chat, model: 'anthropic/claude' });
    expect(provider.requests[0]?.path).toBe('/v1/chat/completions');
    expect(gateway.ended[0]).toMatchObject({ service: 'anthropic', model: 'claude' });
  });

  it('serves a request with the caller\'s own key', async () => {
    const { headers } = await ask(gateway.url, '/v1/chat/completions', chat, { 'x-keyhold-api-key': 'sk-test-explicit' });
    expect(provider.requests[0]?.key).toBe('sk-test-explicit');
    expect(headers['x-keyhold-key-source']).toBe('explicit');
    expect(headers['x-keyhold-credential']).toBeUndefined();
  });
});

describe('R5.2 a plain answer that does not come whole', () => {
  it('is 502 when it was small, and never looks complete when it was large', async () => {
    const small = await ask(gateway.url, '/v1/chat/completions', { ...chat, model: 'cut-midstream' });
    expect(small.status).toBe(502);
    expect(JSON.parse(small.body.toString())).toMatchObject({ error: { code: 'upstream_failed', type: 'api_error', param: null } });
    expect(gateway.ended).toMatchObject([{ outcome: 'failed', status: 200, estimated: true }]);
    const large = await ask(gateway.url, '/v1/chat/completions', { ...chat, model: 'cut-midstream-huge' });
    expect(large).toMatchObject({ status: 200, whole: false });
    expect(gateway.ended).toMatchObject([{ outcome: 'failed' }, { outcome: 'failed', status: 200, estimated: true }]);
  });

  it('is refused when only the JSON tells that it is cut', async () => {
    expect((await ask(gateway.url, '/v1/chat/completions', { ...chat, model: 'without-length' })).status).toBe(200);
    expect((await ask(gateway.url, '/v1/chat/completions', { ...chat, model: 'cut-without-length' })).status).toBe(502);
    expect(gateway.ended.map(({ outcome }) => outcome)).toEqual(['completed', 'failed']);
  });

  it.each(['cut-before-answer', 'redirect', 'gzip'])('is 502 for %s', async (model) => {
    const answer = await ask(gateway.url, '/v1/chat/completions', { ...chat, model });
    expect(answer.status).toBe(502);
    expect(answer.headers['x-keyhold-error-origin']).toBe('keyhold');
    expect(answer.headers.location).toBeUndefined();
    expect(gateway.ended).toMatchObject([{ outcome: 'failed' }]);
  });

  it('is 502 and costs nothing when the provider cannot be reached', async () => {
    const nowhere = await startGateway({ baseUrls: { openai: 'http://127.0.0.1:9/v1' } });
    const answer = await ask(nowhere.url, '/v1/chat/completions', chat);
    expect(answer.status).toBe(502);
    expect(nowhere.ended).toMatchObject([{ outcome: 'failed', status: null, inputTokens: 0, outputTokens: 0, estimated: false }]);
    await nowhere.close();
  });

  it('stops upstream when the client leaves while nothing has come', async () => {
    const controller = new AbortController();
    const asked = fetch(`${gateway.url}/v1/chat/completions`, { method: 'POST', headers: { authorization: 'Bearer key', 'content-type': 'application/json' }, body: JSON.stringify({ ...chat, model: 'silent' }), signal: controller.signal });
    await eventually(() => provider.requests.length === 1);
    controller.abort();
    await expect(asked).rejects.toThrow();
    await eventually(() => provider.requests[0]?.aborted === true && gateway.ended.length === 1);
    expect(gateway.ended).toMatchObject([{ outcome: 'aborted', status: null, estimated: true }]);
    expect(gateway.metrics).toMatchObject([{ outcome: 'aborted', status: 499 }]);
  });
});

describe('R0.3 errors', () => {
  it('passes a provider\'s own error, and says that it is theirs', async () => {
    const answer = await ask(gateway.url, '/v1/chat/completions', { ...chat, model: 'error-429' });
    expect(answer).toMatchObject({ status: 429, headers: { 'x-keyhold-error-origin': 'upstream', 'retry-after': '1' } });
    expect(JSON.parse(answer.body.toString())).toMatchObject({ error: { message: 'The local provider was asked for 429' } });
    expect(gateway.ended).toMatchObject([{ outcome: 'failed', status: 429, inputTokens: 0, estimated: false }]);
  });

  it('rewrites a refusal of the key, which quotes it, and keeps the status', async () => {
    gateway.key = 'sk-test-refused-key';
    const answer = await ask(gateway.url, '/v1/chat/completions', chat);
    expect(answer).toMatchObject({ status: 401, headers: { 'x-keyhold-error-origin': 'upstream' } });
    expect(JSON.parse(answer.body.toString())).toMatchObject({ error: { message: "openai refused the tenant's key (credential cred_test000000000000).", code: 'unauthenticated' } });
    expect(gateway.logged.join('\n')).not.toContain('sk-test-refused-key');
    expect(gateway.ended).toMatchObject([{ outcome: 'failed', status: 401 }]);
  });

  it('S11 tries once more with a credential that was replaced meanwhile', async () => {
    gateway.key = 'sk-test-replaced-key';
    gateway.newerKey = 'sk-test-newer';
    const answer = await ask(gateway.url, '/v1/chat/completions', { ...chat, padding: 'x'.repeat(200_000) });
    expect(answer.status).toBe(200);
    expect(provider.requests.map(({ key }) => key)).toEqual(['sk-test-replaced-key', 'sk-test-newer']);
    expect(provider.requests[1]?.body).toEqual(provider.requests[0]?.body);
    expect(gateway.ended).toMatchObject([{ attempts: 2, credentialVersion: 2, outcome: 'completed' }]);
  });

  it('R10.1 tells an error of another status that quotes the key in our words, with the provider\'s status', async () => {
    const answer = await ask(gateway.url, '/v1/chat/completions', { ...chat, model: 'quotes-key' });
    expect(answer).toMatchObject({ status: 400, headers: { 'x-keyhold-error-origin': 'upstream' } });
    expect(JSON.parse(answer.body.toString())).toEqual({
      error: { message: 'openai answered with status 400', type: 'invalid_request_error', param: null, code: 'invalid_argument' },
    });
    expect(gateway.ended).toMatchObject([{ outcome: 'failed', status: 400 }]);
  });

  it.each([
    ['no_credential', 424],
    ['unavailable', 503],
    ['corrupt', 500],
  ] as const)('tells %s in both shapes and makes no usage', async (code, status) => {
    gateway.refusal = new KeyholdError(code, 'Because.');
    const openai = await ask(gateway.url, '/v1/chat/completions', chat);
    const anthropic = await ask(gateway.url, '/anthropic/v1/messages', chat);
    expect([openai.status, anthropic.status]).toEqual([status, status]);
    expect(JSON.parse(openai.body.toString())).toMatchObject({ error: { message: 'Because.', code, param: null } });
    expect(JSON.parse(anthropic.body.toString())).toMatchObject({ type: 'error', error: { message: 'Because.' }, request_id: anthropic.headers['x-request-id'] });
    expect(openai.headers['x-should-retry']).toBe(code === 'corrupt' ? 'false' : undefined);
    expect(openai.headers['retry-after'] !== undefined).toBe(code === 'unavailable');
    expect(gateway.started).toEqual([]);
  });

  it('R5.3 refuses before the upstream call when the journal cannot be written', async () => {
    gateway.journalFull = true;
    expect((await ask(gateway.url, '/v1/chat/completions', chat)).status).toBe(503);
    expect(provider.requests).toEqual([]);
  });

  it('R5.3 lets an answer that was paid for go when its end cannot be written, but where none may leave before its end is', async () => {
    gateway.journalEnds = 'lost';
    for (const stream of [false, true]) expect(await ask(gateway.url, '/v1/chat/completions', { ...chat, stream })).toMatchObject({ status: 200, whole: true });
    gateway.journalEnds = 'held';
    const held = await ask(gateway.url, '/v1/chat/completions', chat);
    expect([held.status, held.headers['x-keyhold-error-origin']]).toEqual([503, 'keyhold']);
    expect(JSON.parse(held.body.toString())).toMatchObject({ error: { code: 'unavailable' } });
    expect(await ask(gateway.url, '/v1/chat/completions', { ...chat, stream: true })).toMatchObject({ status: 200, whole: false });
    expect(provider.requests).toHaveLength(4);
  });

  it('R5.1 a route the catalogue does not know is 404 of ours, in the format of its prefix', async () => {
    for (const path of ['/v1/files', '/v1', '/v1/chat/completions/', '/proxy/stripe/v1/charges', '/anthropic/v1/complete']) {
      const answer = await ask(gateway.url, path, chat);
      expect(answer).toMatchObject({ status: 404, headers: { 'x-keyhold-error-origin': 'keyhold' } });
    }
    expect((await send(gateway.url, { method: 'GET', path: '/v1/chat/completions', headers: { authorization: 'Bearer key' } })).status).toBe(404);
  });
});
