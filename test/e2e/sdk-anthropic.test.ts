import {
  Anthropic,
  APIError,
  APIUserAbortError,
  AuthenticationError,
  BadRequestError,
  type ClientOptions,
  InternalServerError,
  NotFoundError,
  PermissionDeniedError,
  RateLimitError,
} from '@anthropic-ai/sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { handOver, makeTenant, type TestTenant } from '../support/api.ts';
import { failure, readAll, until } from '../support/outcome.ts';
import { type ProductWithProvider, requestFor, requestsFor, startProductWithProvider, usageEvent, usageEvents } from '../support/product-with-provider.ts';
import { reply } from '../support/servers/provider-server-answers.ts';

const OWN_KEY = 'sk-ant-test-own-key-0001';
const PLATFORM_KEY = 'sk-ant-test-platform-key-0002';

let world: ProductWithProvider;
let acme: TestTenant;
let credentialId: string;
let client: Anthropic;

beforeAll(async () => {
  world = await startProductWithProvider();
  acme = await makeTenant(world.product, 'acme');
  credentialId = String((await handOver(acme, 'anthropic', OWN_KEY)).body['id']);
  client = sdk({ apiKey: acme.gatewayKey });
});

afterAll(async () => world.close());

function sdk(options: ClientOptions): Anthropic {
  return new Anthropic({ baseURL: `${world.product.url}/anthropic`, maxRetries: 0, ...options });
}

function hello(model: string): { model: string; max_tokens: number; messages: [{ role: 'user'; content: string }] } {
  return { model, max_tokens: 100, messages: [{ role: 'user', content: 'Hello' }] };
}

const answer = reply('Hello').join('');
/** What the local provider counts for such a message, besides the 3 tokens that it always takes from its cache. */
const input = Math.ceil(JSON.stringify(hello('').messages).length / 4);

const weather = {
  name: 'weather',
  description: 'The weather in a city',
  input_schema: { type: 'object' as const, properties: { city: { type: 'string' } }, required: ['city'] },
};

describe('R5.1 what the Anthropic package does, with nothing but the base URL and the key changed', () => {
  it('R5.1, R0.4 messages: the provider\'s own answer, and where its key came from', async () => {
    const { data, response } = await client.messages.create(hello('plain-message')).withResponse();
    expect(data).toMatchObject({ id: 'msg_local', stop_reason: 'end_turn', content: [{ type: 'text', text: answer }] });
    expect(data.usage).toMatchObject({ input_tokens: input, cache_read_input_tokens: 3, output_tokens: 9 });
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'x-keyhold-key-source': 'tenant',
      'x-keyhold-credential': credentialId,
      'x-keyhold-upstream-request-id': 'req_local_1',
      'anthropic-organization-id': 'org-local-account',
    });
    expect(response.headers.get('x-request-id')).toMatch(/^[\w.-]{1,64}$/);
  });

  it('R5.3 cached tokens are part of the input and counted as cached', async () => {
    await client.messages.create(hello('counted-message'));
    expect(await usageEvents(acme, 'counted-message')).toMatchObject([
      { service: 'anthropic', route: 'messages', outcome: 'completed', estimated: false, inputTokens: input + 3, cachedTokens: 3, cacheWriteTokens: 0, outputTokens: 9 },
    ]);
  });

  it('R0.4 the gateway key is accepted as a bearer token and as x-api-key, which the provider gets', async () => {
    await client.messages.create(hello('by-bearer'));
    await sdk({ apiKey: null, authToken: acme.gatewayKey }).messages.create(hello('by-auth-token'));
    await sdk({ apiKey: null, defaultHeaders: { 'x-api-key': acme.gatewayKey } }).messages.create(hello('by-x-api-key'));
    await sdk({ apiKey: acme.gatewayKey, defaultHeaders: { 'x-api-key': acme.gatewayKey } }).messages.create(hello('by-both'));
    for (const model of ['by-bearer', 'by-auth-token', 'by-x-api-key', 'by-both']) {
      const { path, headers, rawHeaders } = requestFor(world.provider, model);
      expect([path, headers['x-api-key'], headers.authorization], model).toEqual(['/anthropic/v1/messages', OWN_KEY, undefined]);
      expect(headers['anthropic-version'], model).toMatch(/^20\d\d-\d\d-\d\d$/);
      expect(rawHeaders.join('\n')).not.toMatch(/kh_g_|keyhold/i);
    }
    const two = await failure(sdk({ apiKey: acme.gatewayKey, defaultHeaders: { 'x-api-key': 'another-test-key' } }).messages.create(hello('two-keys')));
    expect(two).toBeInstanceOf(BadRequestError);
    expect(requestsFor(world.provider.requests, 'two-keys')).toEqual([]);
  });

  it('S7 beta features travel, in the header and, as older versions of the package send them, in the query', async () => {
    await client.beta.messages.create({ ...hello('beta-header'), betas: ['test-feature-2026-01-01'] });
    expect(requestFor(world.provider, 'beta-header').headers['anthropic-beta']).toBe('test-feature-2026-01-01');
    await client.post('/v1/messages', { query: { beta: true }, body: hello('beta-query') });
    expect(requestFor(world.provider, 'beta-query').path).toBe('/anthropic/v1/messages?beta=true');
  });

  it('R5.2, R5.3 streams: whole, with counts that are taken and not added', async () => {
    const stream = client.messages.stream(hello('stream-message'));
    let text = '';
    stream.on('text', (piece) => (text += piece));
    const message = await stream.finalMessage();
    expect([text, message.stop_reason, message.usage.output_tokens]).toEqual([answer, 'end_turn', 9]);
    expect(await usageEvents(acme, 'stream-message')).toMatchObject([{ outcome: 'completed', estimated: false, inputTokens: input + 3, cachedTokens: 3, outputTokens: 9 }]);
  });

  it.each(['split', 'crlf', 'burst'])('R5.2 streams: events that come %s are read as they are meant', async (how) => {
    const message = await client.messages.stream(hello(`${how}-message`)).finalMessage();
    expect(message.content).toMatchObject([{ text: answer }]);
    expect(await usageEvents(acme, `${how}-message`)).toMatchObject([{ outcome: 'completed', estimated: false, inputTokens: input + 3, outputTokens: 9 }]);
  });

  it('R5.1 tools: a call, its result, and the answer', async () => {
    const request = { ...hello('tools-plain'), tools: [weather] };
    const call = await client.messages.create(request);
    expect(call).toMatchObject({ stop_reason: 'tool_use', content: [{ type: 'tool_use', id: 'toolu_local', name: 'weather', input: { city: 'Paris' } }] });
    const final = await client.messages.create({
      ...request,
      messages: [...request.messages, { role: 'assistant', content: call.content }, { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'toolu_local', content: 'Sunny' }] }],
    });
    expect(final).toMatchObject({ stop_reason: 'end_turn', content: [{ type: 'text' }] });
    expect((await usageEvents(acme, 'tools-plain')).map(({ outputTokens }) => outputTokens)).toEqual([9, 12]);
  });

  it('R5.1 tools in a stream', async () => {
    const message = await client.messages.stream({ ...hello('tools-stream'), tools: [weather] }).finalMessage();
    expect(message.content).toMatchObject([{ type: 'tool_use', name: 'weather', input: { city: 'Paris' } }]);
    expect(await usageEvents(acme, 'tools-stream')).toMatchObject([{ estimated: false, outputTokens: 12 }]);
  });

  it('R5.1 countTokens', async () => {
    const { model, messages } = hello('count-tokens');
    expect(await client.messages.countTokens({ model, messages })).toEqual({ input_tokens: input });
    expect(requestFor(world.provider, 'count-tokens').path).toBe('/anthropic/v1/messages/count_tokens');
    expect(await usageEvents(acme, 'count-tokens')).toMatchObject([{ route: 'messages/count_tokens', inputTokens: 0, outputTokens: 0 }]);
  });

  it('R5.1 anthropic/… is this provider; another one has no such route', async () => {
    await client.messages.create(hello('anthropic/prefixed-model'));
    expect(requestFor(world.provider, 'prefixed-model').path).toBe('/anthropic/v1/messages');
    const other = await failure(client.messages.create(hello('openai/no-messages-there')));
    expect(other).toBeInstanceOf(NotFoundError);
    expect(other).toMatchObject({ apiMessage: expect.stringContaining('openai') as unknown });
  });

  it('R3.3, S1 the platform\'s key serves a tenant without one, and shows nothing of the account', async () => {
    const globex = await makeTenant(world.product, 'globex');
    const absent = await failure(sdk({ apiKey: globex.gatewayKey }).messages.create(hello('nobody-has-a-key')));
    expect(absent).toBeInstanceOf(APIError);
    expect(absent).toMatchObject({ status: 424, type: 'invalid_request_error', apiMessage: expect.stringContaining('PUT /api/v1/tenants/globex/credentials/anthropic') as unknown });
    await world.platform.must('PUT', '/api/v1/platform/credentials/anthropic', { fields: { api_key: PLATFORM_KEY } });
    const { response } = await sdk({ apiKey: globex.gatewayKey }).messages.create(hello('platform-message')).withResponse();
    expect([response.headers.get('x-keyhold-key-source'), response.headers.get('anthropic-organization-id')]).toEqual(['platform', null]);
    expect(requestFor(world.provider, 'platform-message').headers['x-api-key']).toBe(PLATFORM_KEY);
  });
});

describe('R0.3 errors are the package\'s own classes', () => {
  it('R0.3 a key that is not known here', async () => {
    const error = await failure(sdk({ apiKey: 'sk-ant-test-not-a-gateway-key' }).messages.create(hello('not-authenticated')));
    expect(error).toBeInstanceOf(AuthenticationError);
    expect(error).toMatchObject({ status: 401, type: 'authentication_error', error: { type: 'error', error: { type: 'authentication_error' }, request_id: expect.stringMatching(/^[\w.-]+$/) as unknown } });
    expect(requestsFor(world.provider.requests, 'not-authenticated')).toEqual([]);
  });

  it('R0.3 a key that may not, a route that is not there, a body that is wrong', async () => {
    const { body } = await acme.admin.must('POST', '/api/v1/tenants/acme/gateway-keys', { name: 'narrow', services: ['openai'] });
    const denied = await failure(sdk({ apiKey: String(body['key']) }).messages.create(hello('not-allowed')));
    expect(denied).toBeInstanceOf(PermissionDeniedError);
    expect(denied).toMatchObject({ type: 'permission_error' });
    const unknown = await failure(client.models.list());
    expect(unknown).toBeInstanceOf(NotFoundError);
    expect(unknown).toMatchObject({ type: 'not_found_error' });
    const twice = await failure(client.post('/v1/messages', { body: Buffer.from('{"model":"a","model":"b","messages":[]}'), headers: { 'content-type': 'application/json' } }));
    expect(twice).toBeInstanceOf(BadRequestError);
    expect(twice).toMatchObject({ type: 'invalid_request_error' });
    for (const error of [denied, unknown, twice]) expect((error as APIError).headers?.get('x-keyhold-error-origin')).toBe('keyhold');
  });

  it.each([
    [400, BadRequestError],
    [404, NotFoundError],
    [429, RateLimitError],
    [500, InternalServerError],
    [529, InternalServerError],
  ])('R0.3 the provider\'s own %i passes as it is', async (status, kind) => {
    const error = await failure(client.messages.create(hello(`error-${status}`)));
    expect(error).toBeInstanceOf(kind);
    expect(error).toMatchObject({ status, apiMessage: `The local provider was asked for ${status}` });
    const { headers } = error as APIError;
    expect([headers?.get('x-keyhold-error-origin'), headers?.get('x-keyhold-upstream-request-id'), headers?.get('retry-after')]).toEqual(['upstream', 'req_local_1', status === 429 ? '1' : null]);
    expect(await usageEvents(acme, `error-${status}`)).toMatchObject([{ outcome: 'failed', status, inputTokens: 0, outputTokens: 0 }]);
  });

  it.each([
    [401, AuthenticationError, 'authentication_error'],
    [403, PermissionDeniedError, 'permission_error'],
  ])('R0.3 a provider\'s %i keeps its status, in our words', async (status, kind, type) => {
    const error = await failure(client.messages.create(hello(`error-${status}`)));
    expect(error).toBeInstanceOf(kind);
    expect(error).toMatchObject({ status, type, apiMessage: `anthropic refused the tenant's key (credential ${credentialId}).` });
    expect((error as APIError).headers?.get('x-keyhold-error-origin')).toBe('upstream');
    expect(JSON.stringify(error)).not.toContain(OWN_KEY);
  });
});

describe('R5.2 a stream that is not whole never looks finished', () => {
  it.each(['cut-midstream', 'clean-end-without-done'])('R5.2 %s', async (fault) => {
    const model = `${fault}-message`;
    const { items, error } = await readAll(await client.messages.create({ ...hello(model), stream: true }));
    expect(error).toBeInstanceOf(APIError);
    expect(error).toMatchObject({ type: 'api_error' });
    expect(items.length).toBeGreaterThan(3);
    expect(items.map(({ type }) => type)).not.toContain('message_stop');
    expect(await usageEvents(acme, model)).toMatchObject([{ outcome: 'failed', status: 200, estimated: true, inputTokens: input + 3 }]);
  });

  it('R5.2 the helper for streams fails too', async () => {
    expect(await failure(client.messages.stream(hello('cut-midstream-helper')).finalMessage())).toBeInstanceOf(APIError);
  });

  it('R5.2 an error that the provider tells in its stream arrives as the provider told it', async () => {
    const { error } = await readAll(await client.messages.create({ ...hello('stream-error-message'), stream: true }));
    expect(error).toBeInstanceOf(APIError);
    expect(error).toMatchObject({ type: 'overloaded_error', apiMessage: 'Overloaded' });
    expect(await usageEvents(acme, 'stream-error-message')).toMatchObject([{ outcome: 'failed' }]);
  });

  it('R5.2 a plain answer that is cut is an error', async () => {
    const error = await failure(client.messages.create(hello('cut-midstream-plain')));
    expect(error).toBeInstanceOf(InternalServerError);
    expect(error).toMatchObject({ status: 502, type: 'api_error' });
    expect(await usageEvents(acme, 'cut-midstream-plain')).toMatchObject([{ outcome: 'failed', estimated: true }]);
  });
});

describe('R5.2 a client that leaves', () => {
  it('R5.2, R5.3 in the middle of a stream: the provider is left alone, the input counts as told, the output as it came', async () => {
    const stream = client.messages.stream(hello('endless-message'));
    let came = 0;
    stream.on('text', (text) => {
      came += text.length;
      if (came > 200) stream.abort();
    });
    expect(await failure(stream.done())).toBeInstanceOf(APIUserAbortError);
    const recorded = requestFor(world.provider, 'endless-message');
    await until('the provider is left alone', () => recorded.aborted);
    const event = await usageEvent(acme, 'endless-message');
    expect(event).toMatchObject({ outcome: 'aborted', estimated: true, inputTokens: input + 3, cachedTokens: 3 });
    expect(Number(event['outputTokens'])).toBeGreaterThanOrEqual(50);
  });

  it('R5.2 before the provider has answered', async () => {
    const controller = new AbortController();
    const call = failure(client.messages.create(hello('silent-message'), { signal: controller.signal }));
    const recorded = await until('the provider has the request', () => requestsFor(world.provider.requests, 'silent-message')[0]);
    controller.abort();
    expect(await call).toBeInstanceOf(APIUserAbortError);
    await until('the provider is left alone', () => recorded.aborted);
    expect(await usageEvent(acme, 'silent-message')).toMatchObject({ outcome: 'aborted', estimated: true, status: null });
  });
});

it('R10.1 none of this has put a key into the log', () => {
  for (const secret of [OWN_KEY, PLATFORM_KEY, acme.gatewayKey, acme.admin.token]) expect(world.product.output()).not.toContain(secret);
});
