import type { OpenAI } from 'openai';
import { APIError, AzureOpenAI, NotFoundError, PermissionDeniedError } from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { handOver, makeTenant, type TestTenant } from '../support/api.ts';
import { hello, helloAnswer, openAi, streamedText } from '../support/openai-sdk.ts';
import { failure, readAll } from '../support/outcome.ts';
import { type ProductWithProvider, requestFor, requestsFor, startProductWithProvider, usageEvents } from '../support/product-with-provider.ts';

const OWN_KEY = 'sk-test-own-openai-key-0001';
const PLATFORM_KEY = 'sk-test-platform-openai-key-0002';
const EXPLICIT_KEY = 'sk-test-explicit-openai-key-0003';

let world: ProductWithProvider;
/** Has a key of its own for openai, groq, anthropic and openrouter. */
let acme: TestTenant;
let credentialId: string;
let client: OpenAI;

beforeAll(async () => {
  world = await startProductWithProvider();
  acme = await makeTenant(world.product, 'acme');
  credentialId = String((await handOver(acme, 'openai', OWN_KEY)).body['id']);
  await handOver(acme, 'groq', 'gsk_test_own_groq_key_0004');
  await handOver(acme, 'anthropic', 'sk-ant-test-own-anthropic-key-0005');
  await handOver(acme, 'openrouter', 'sk-or-test-own-openrouter-key-0006');
  client = openAi(world.product, acme.gatewayKey);
});

afterAll(async () => world.close());

const weather = {
  type: 'function' as const,
  function: {
    name: 'weather',
    description: 'The weather in a city',
    parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
    parse: (text: string) => JSON.parse(text) as { city: string },
    function: ({ city }: { city: string }) => `Sunny in ${city}`,
  },
};

describe('R5.1 what the openai package does, with nothing but the base URL and the key changed', () => {
  it('R5.1, R0.4 chat: the provider\'s own answer, and where its key came from', async () => {
    const { data, response, request_id } = await client.chat.completions.create(hello('plain-chat')).withResponse();
    expect(data).toMatchObject({ id: 'chatcmpl-local', object: 'chat.completion', model: 'plain-chat', usage: { completion_tokens: 9 } });
    expect(data.choices[0]).toMatchObject({ finish_reason: 'stop', message: { role: 'assistant', content: helloAnswer } });
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'x-keyhold-key-source': 'tenant',
      'x-keyhold-credential': credentialId,
      'x-keyhold-upstream-request-id': 'req-local-1',
      'content-security-policy': "sandbox; default-src 'none'",
      'x-content-type-options': 'nosniff',
    });
    expect(request_id).toBe(response.headers.get('x-request-id'));
    for (const name of ['set-cookie', 'strict-transport-security', 'alt-svc']) expect(response.headers.has(name), name).toBe(false);
  });

  it('S7, R5.6 the provider gets its own key, the body byte for byte, and no word of Keyhold\'s', async () => {
    let sent = '';
    const watching = openAi(world.product, acme.gatewayKey, {
      fetch: async (url, init) => {
        sent = typeof init?.body === 'string' ? init.body : '';
        return fetch(url, init);
      },
    });
    await watching.chat.completions.create({ ...hello('byte-for-byte'), temperature: 0.1, user: 'zoë 👋' });
    const { headers, rawHeaders, body, path } = requestFor(world.provider, 'byte-for-byte');
    expect([path, body.toString()]).toEqual(['/v1/chat/completions', sent]);
    expect(headers).toMatchObject({ authorization: `Bearer ${OWN_KEY}`, 'accept-encoding': 'identity' });
    expect(headers['user-agent']).toMatch(/^OpenAI\/JS/);
    expect(rawHeaders.join('\n')).not.toMatch(/kh_g_|keyhold/i);
    expect((await usageEvents(acme, 'byte-for-byte'))[0]).toMatchObject({ endUser: 'zoë 👋', route: 'chat/completions', gatewayKeyId: acme.gatewayKeyId });
  });

  it('R5.2, R5.3 streams: the usage chunk that was not asked for is not there, and was counted', async () => {
    const { data, response } = await client.chat.completions.create({ ...hello('stream-unasked'), stream: true }).withResponse();
    const { items, error } = await readAll(data);
    expect(error).toBeUndefined();
    expect([response.headers.get('content-type'), response.headers.get('x-keyhold-credential')]).toEqual(['text/event-stream; charset=utf-8', credentialId]);
    expect(streamedText(items)).toBe(helloAnswer);
    expect(items.filter(({ usage, choices }) => (usage !== undefined && usage !== null) || choices.length === 0)).toEqual([]);
    expect(items.at(-1)?.choices[0]?.finish_reason).toBe('stop');
    const input = Math.ceil(JSON.stringify(hello('').messages).length / 4);
    expect((await usageEvents(acme, 'stream-unasked'))[0]).toMatchObject({ outcome: 'completed', estimated: false, inputTokens: input, outputTokens: 9, cost: null, unpriced: true });
  });

  it('R5.2 streams: the usage chunk that was asked for is there', async () => {
    const stream = await client.chat.completions.create({ ...hello('stream-asked'), stream: true, stream_options: { include_usage: true } });
    const { items } = await readAll(stream);
    expect(streamedText(items)).toBe(helloAnswer);
    expect(items.at(-1)).toMatchObject({ choices: [], usage: { completion_tokens: 9 } });
    expect((await usageEvents(acme, 'stream-asked'))[0]).toMatchObject({ outcome: 'completed', estimated: false, outputTokens: 9, inputTokens: items.at(-1)?.usage?.prompt_tokens });
  });

  it.each(['split', 'crlf', 'burst'])('R5.2 streams: events that come %s are read as they are meant', async (how) => {
    const { items, error } = await readAll(await client.chat.completions.create({ ...hello(`${how}-chat`), stream: true }));
    expect([streamedText(items), error]).toEqual([helloAnswer, undefined]);
    expect((await usageEvents(acme, `${how}-chat`))[0]).toMatchObject({ outcome: 'completed', estimated: false, outputTokens: 9 });
  });

  it('R5.1 tools: calls them, sends their results, and gets the answer', async () => {
    const runner = client.chat.completions.runTools({ ...hello('tools-plain'), tools: [weather] });
    expect(await runner.finalContent()).toContain('Hello from the local provider');
    expect(runner.messages.map(({ role }) => role)).toEqual(['user', 'assistant', 'tool', 'assistant']);
    expect(runner.messages[2]).toMatchObject({ tool_call_id: 'call_local', content: 'Sunny in Paris' });
    expect((await usageEvents(acme, 'tools-plain')).map(({ outcome }) => outcome)).toEqual(['completed', 'completed']);
  });

  it('R5.1 tools in a stream', async () => {
    const runner = client.chat.completions.runTools({ ...hello('tools-stream'), tools: [weather], stream: true });
    let calls = '';
    for await (const chunk of runner) calls += chunk.choices[0]?.delta.tool_calls?.[0]?.function?.arguments ?? '';
    expect(calls).toBe('{"city":"Paris"}');
    expect(runner.messages.map(({ role }) => role)).toEqual(['user', 'assistant', 'tool', 'assistant']);
    expect((await usageEvents(acme, 'tools-stream')).map(({ estimated, outputTokens }) => [estimated, outputTokens])).toEqual([[false, 9], [false, 12]]);
  });

  it('R5.1 completions', async () => {
    const completion = await client.completions.create({ model: 'completion-1', prompt: 'Hello' });
    expect(completion.choices[0]?.text).toBe(helloAnswer);
    expect((await usageEvents(acme, 'completion-1'))[0]).toMatchObject({ route: 'completions', outputTokens: 9, estimated: false });
  });

  it('R5.1 embeddings, as numbers and as the base64 that the package asks for by itself', async () => {
    const input = ['Hello', 'world'];
    const expected = Array.from({ length: 8 }, (_, at) => Math.sin(at));
    const plain = await client.embeddings.create({ model: 'embed-float', input, encoding_format: 'float' });
    expect(plain.data.map(({ index, embedding }) => [index, embedding])).toEqual([[0, expected], [1, expected]]);
    const decoded = await client.embeddings.create({ model: 'embed-default', input });
    expect(requestFor(world.provider, 'embed-default').body.toString()).toContain('"encoding_format":"base64"');
    expect(decoded.data[1]?.embedding.map((value) => value.toFixed(5))).toEqual(expected.map((value) => value.toFixed(5)));
    const raw = await client.embeddings.create({ model: 'embed-base64', input: 'Hello', encoding_format: 'base64' });
    expect(Buffer.from(String(raw.data[0]?.embedding), 'base64').length).toBe(32);
    expect((await usageEvents(acme, 'embed-float'))[0]).toMatchObject({ route: 'embeddings', inputTokens: plain.usage.prompt_tokens, outputTokens: 0, estimated: false });
  });

  it('R5.1 an embedding far larger than one packet comes whole', async () => {
    const large = await client.embeddings.create({ model: 'huge-embedding', input: 'Hello', encoding_format: 'float' });
    expect(large.data[0]?.embedding.length).toBe(100_000);
    expect((await usageEvents(acme, 'huge-embedding'))[0]).toMatchObject({ inputTokens: large.usage.prompt_tokens, estimated: false });
  });

  it('R5.1 responses, plain and with a tool', async () => {
    const response = await client.responses.create({ model: 'responses-plain', input: 'Hello' });
    expect([response.output_text, response.status]).toEqual([helloAnswer, 'completed']);
    const call = await client.responses.create({
      model: 'responses-tool',
      input: 'Hello',
      tools: [{ type: 'function', name: 'weather', parameters: weather.function.parameters, strict: false }],
    });
    expect(call.output[0]).toMatchObject({ type: 'function_call', name: 'weather', arguments: '{"city":"Paris"}' });
    expect((await usageEvents(acme, 'responses-plain'))[0]).toMatchObject({ route: 'responses', inputTokens: response.usage?.input_tokens, outputTokens: 9, estimated: false });
  });

  it('R5.1 responses in a stream: nothing is added to the request, usage is read from response.completed', async () => {
    const { items, error } = await readAll(await client.responses.create({ model: 'responses-stream', input: 'Hello', stream: true }));
    expect(error).toBeUndefined();
    expect(items.map((event) => (event.type === 'response.output_text.delta' ? event.delta : '')).join('')).toBe(helloAnswer);
    expect(items.at(-1)?.type).toBe('response.completed');
    expect(requestFor(world.provider, 'responses-stream').body.toString()).not.toContain('stream_options');
    expect((await usageEvents(acme, 'responses-stream'))[0]).toMatchObject({ outcome: 'completed', outputTokens: 9, estimated: false });
  });

  it('R5.1 models and moderations', async () => {
    const models: string[] = [];
    for await (const model of client.models.list()) models.push(model.id);
    expect(models).toEqual(['gpt-4o-mini', 'ft:gpt-4o-mini:local-account']);
    const moderation = await client.moderations.create({ model: 'moderation-1', input: ['Hello', 'world'] });
    expect(moderation.results.map(({ flagged }) => flagged)).toEqual([false, false]);
    expect((await usageEvents(acme, 'moderation-1'))[0]).toMatchObject({ route: 'moderations', inputTokens: 0, estimated: false });
  });
});

describe('R5.1 provider/model', () => {
  it('R5.1 picks the provider, and the prefix is taken off once', async () => {
    const { response } = await client.chat.completions.create(hello('groq/llama-on-groq')).withResponse();
    expect(response.headers.get('x-keyhold-key-source')).toBe('tenant');
    expect(requestFor(world.provider, 'llama-on-groq')).toMatchObject({ path: '/groq/v1/chat/completions', key: 'gsk_test_own_groq_key_0004' });
    expect((await usageEvents(acme, 'llama-on-groq'))[0]).toMatchObject({ service: 'groq' });
  });

  it('R5.6 anthropic/… goes to Anthropic\'s own OpenAI-compatible endpoint', async () => {
    const { items } = await readAll(await client.chat.completions.create({ ...hello('anthropic/claude-by-openai'), stream: true }));
    expect(streamedText(items)).toBe(helloAnswer);
    expect(requestFor(world.provider, 'claude-by-openai')).toMatchObject({ path: '/anthropic/v1/chat/completions', headers: { authorization: 'Bearer sk-ant-test-own-anthropic-key-0005' } });
    expect((await usageEvents(acme, 'claude-by-openai'))[0]).toMatchObject({ service: 'anthropic', estimated: false, outputTokens: 9 });
  });

  it('R5.1 ids that contain a slash keep it: only a catalogue id is a prefix, and only once', async () => {
    await client.chat.completions.create(hello('openrouter/openai/gpt-via-openrouter'));
    expect(requestFor(world.provider, 'openai/gpt-via-openrouter').path).toBe('/openrouter/v1/chat/completions');
    await client.chat.completions.create(hello('some-lab/not-a-service'));
    expect(requestFor(world.provider, 'some-lab/not-a-service').path).toBe('/v1/chat/completions');
  });

  it('R5.1 x-keyhold-provider decides where there is no model', async () => {
    const before = world.provider.requests.length;
    const models = await openAi(world.product, acme.gatewayKey, { defaultHeaders: { 'x-keyhold-provider': 'groq' } }).models.list();
    expect(models.data.length).toBe(2);
    expect(world.provider.requests.slice(before)).toMatchObject([{ path: '/groq/v1/models', key: 'gsk_test_own_groq_key_0004' }]);
  });

  it('R5.1 without a prefix: the gateway key\'s default, then the tenant\'s, then openai', async () => {
    const globex = await makeTenant(world.product, 'defaults');
    for (const service of ['openai', 'groq', 'openrouter']) await handOver(globex, service, `test-${service}-key-of-defaults`);
    const plain = openAi(world.product, globex.gatewayKey);
    await plain.chat.completions.create(hello('default-openai'));
    await globex.admin.must('PUT', '/api/v1/tenants/defaults/policy', { defaultProvider: 'groq' });
    await plain.chat.completions.create(hello('default-tenant'));
    const { body } = await globex.admin.must('POST', '/api/v1/tenants/defaults/gateway-keys', { name: 'with a default', defaultProvider: 'openrouter' });
    await openAi(world.product, String(body['key'])).chat.completions.create(hello('default-key'));
    expect(['default-openai', 'default-tenant', 'default-key'].map((model) => requestFor(world.provider, model).path)).toEqual([
      '/v1/chat/completions',
      '/groq/v1/chat/completions',
      '/openrouter/v1/chat/completions',
    ]);
  });

  it('R5.1 a route that no provider has is a 404 of ours, and nobody is called', async () => {
    const before = world.provider.requests.length;
    const error = await failure(client.files.list());
    expect(error).toBeInstanceOf(NotFoundError);
    expect(error).toMatchObject({ code: 'not_found', message: expect.stringContaining('There is no route for GET') as unknown });
    expect((error as NotFoundError).headers.get('x-keyhold-error-origin')).toBe('keyhold');
    const embedding = await failure(client.embeddings.create({ model: 'anthropic/no-embeddings', input: 'Hello' }));
    expect(embedding).toBeInstanceOf(NotFoundError);
    expect(embedding).toMatchObject({ message: expect.stringContaining('anthropic') as unknown });
    expect(world.provider.requests.length).toBe(before);
  });
});

describe('R3.3, R0.4 whose key', () => {
  let globex: TestTenant;
  let platformId: string;

  beforeAll(async () => {
    globex = await makeTenant(world.product, 'globex');
    platformId = String((await world.platform.must('PUT', '/api/v1/platform/credentials/openai', { fields: { api_key: PLATFORM_KEY } })).body['id']);
  });

  it('R3.3 a tenant without a key of its own is served by the platform\'s, and is told so', async () => {
    const { response } = await openAi(world.product, globex.gatewayKey).chat.completions.create(hello('platform-chat')).withResponse();
    expect([response.headers.get('x-keyhold-key-source'), response.headers.get('x-keyhold-credential')]).toEqual(['platform', platformId]);
    expect(requestFor(world.provider, 'platform-chat').key).toBe(PLATFORM_KEY);
    expect((await usageEvents(globex, 'platform-chat'))[0]).toMatchObject({ keySource: 'platform', credentialId: platformId, credentialVersion: 1 });
    const own = await client.chat.completions.create(hello('own-chat')).withResponse();
    expect(own.response.headers.get('x-keyhold-key-source')).toBe('tenant');
    expect(requestFor(world.provider, 'own-chat').key).toBe(OWN_KEY);
  });

  it('S1 the platform\'s account is not shown to a tenant: neither its headers nor its models', async () => {
    const shared = await openAi(world.product, globex.gatewayKey).chat.completions.create(hello('platform-headers')).withResponse();
    const own = await client.chat.completions.create(hello('own-headers')).withResponse();
    expect([shared, own].map(({ response }) => ['openai-organization', 'x-ratelimit-remaining-requests'].map((name) => response.headers.has(name)))).toEqual([[false, false], [true, true]]);
    const guest = openAi(world.product, globex.gatewayKey);
    for (const call of [
      () => guest.models.list(),
      () => guest.chat.completions.create(hello('ft:gpt-4o-mini:local-account')),
      () => guest.responses.create({ model: 'gpt-4o-mini', input: 'Hello', previous_response_id: 'resp_of_somebody' }),
    ]) {
      const error = await failure(call());
      expect(error).toBeInstanceOf(PermissionDeniedError);
      expect(error).toMatchObject({ code: 'permission_denied', message: expect.stringContaining('shared') as unknown });
    }
  });

  it('R0.4 the caller\'s own key comes in x-keyhold-api-key, serves that request only, and goes before all others', async () => {
    const explicit = openAi(world.product, globex.gatewayKey, { defaultHeaders: { 'x-keyhold-api-key': EXPLICIT_KEY } });
    const { response } = await explicit.chat.completions.create(hello('explicit-chat')).withResponse();
    expect([response.headers.get('x-keyhold-key-source'), response.headers.has('x-keyhold-credential')]).toEqual(['explicit', false]);
    expect(requestFor(world.provider, 'explicit-chat').key).toBe(EXPLICIT_KEY);
    expect((await usageEvents(globex, 'explicit-chat'))[0]).toMatchObject({ keySource: 'explicit', credentialId: null, credentialVersion: null });
    await openAi(world.product, globex.gatewayKey).chat.completions.create(hello('after-explicit'));
    expect(requestFor(world.provider, 'after-explicit').key).toBe(PLATFORM_KEY);
  });

  it('R0.4 unless the tenant\'s policy forbids it', async () => {
    const strict = await makeTenant(world.product, 'strict');
    await strict.admin.must('PUT', '/api/v1/tenants/strict/policy', { explicitKeys: false });
    const error = await failure(openAi(world.product, strict.gatewayKey, { defaultHeaders: { 'x-keyhold-api-key': EXPLICIT_KEY } }).chat.completions.create(hello('explicit-forbidden')));
    expect(error).toBeInstanceOf(PermissionDeniedError);
    expect(requestsFor(world.provider.requests, 'explicit-forbidden')).toEqual([]);
  });

  it('R3.3, R0.3 no credential: 424, named, with what to do, and not retried', async () => {
    let calls = 0;
    const counting = openAi(world.product, globex.gatewayKey, { maxRetries: 2, fetch: async (url, init) => ((calls += 1), fetch(url, init)) });
    const error = await failure(counting.chat.completions.create(hello('groq/nobody-has-a-key')));
    expect(error).toBeInstanceOf(APIError);
    expect(error).toMatchObject({ status: 424, code: 'no_credential', type: 'invalid_request_error', message: expect.stringContaining('PUT /api/v1/tenants/globex/credentials/groq') as unknown });
    expect(calls).toBe(1);
    expect(await usageEvents(globex, 'nobody-has-a-key')).toEqual([]);
  });
});

it('R10.1 none of this has put a key into the log', () => {
  const output = world.product.output();
  for (const secret of [OWN_KEY, PLATFORM_KEY, EXPLICIT_KEY, acme.gatewayKey, acme.admin.token]) expect(output).not.toContain(secret);
});

describe('R5.1 what Azure\'s client of the openai package does', () => {
  it('S3, R3.3 goes with the tenant\'s key to a deployment, and costs what its model does', async () => {
    const contoso = await makeTenant(world.product, 'contoso');
    const credentials = '/api/v1/tenants/contoso/credentials';
    const fields = { api_key: 'test-azure-key-0123456789abcdef0123456789' };
    await contoso.admin.must('PUT', `${credentials}/azure-openai`, { fields, settings: { endpoint: 'https://contoso.openai.azure.com', deploymentMappings: { 'gpt-4o': 'contoso-large' } } });
    for (const endpoint of ['https://10.0.0.1', 'https://localhost', 'http://llm.example.com']) expect((await contoso.admin.call('PUT', `${credentials}/openai-compatible`, { fields, settings: { endpoint } })).status).toBe(400);
    const azure = new AzureOpenAI({ endpoint: `${world.product.url}/proxy/azure-openai`, apiKey: contoso.gatewayKey, apiVersion: '2024-10-21', maxRetries: 0 });
    const { data, response } = await azure.chat.completions.create(hello('contoso-large')).withResponse();
    expect([data.choices[0]?.message.content, response.headers.get('x-keyhold-key-source')]).toEqual([helloAnswer, 'tenant']);
    expect(requestFor(world.provider, 'contoso-large')).toMatchObject({ path: '/azure/openai/deployments/contoso-large/chat/completions?api-version=2024-10-21', key: fields.api_key });
    expect((await usageEvents(contoso, 'contoso-large'))[0]).toMatchObject({ service: 'azure-openai', unpriced: false, estimated: false });
    await azure.chat.completions.create(hello('contoso-other'));
    expect((await usageEvents(contoso, 'contoso-other'))[0]).toMatchObject({ unpriced: true });
  });
});
