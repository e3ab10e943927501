import { AzureOpenAI, PermissionDeniedError } from 'openai';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ask, type GatewayFixture, gatewayKeyOf, send, startGateway } from '../../test/support/gateway-fixture.ts';
import { hello, helloAnswer, streamedText } from '../../test/support/openai-sdk.ts';
import { readAll } from '../../test/support/outcome.ts';
import { type ProviderServer, startProviderServer } from '../../test/support/servers/provider-server.ts';
import type { BudgetedRequest } from '../core/budgets/budget-gate.ts';
import type { Resolved } from '../core/resolution/resolved.ts';
import { SecretValue } from '../ports/secret-value.ts';
import type { KeySource } from '../ports/usage.ts';

const KEY = 'test-azure-key-0123456789abcdef0123456789';
const VERSION = '2024-10-21';

let provider: ProviderServer;
let gateway: GatewayFixture;
let source: KeySource;
let names: Readonly<Record<string, string>>;
const budgeted: BudgetedRequest[] = [];

beforeAll(async () => {
  provider = await startProviderServer();
});
afterAll(() => provider.close());
beforeEach(async () => {
  source = 'tenant';
  names = { 'gpt-4o': 'acme-large' };
  budgeted.length = 0;
  provider.requests.length = 0;
  const credential = (service: Resolved['service']): Resolved => ({
    source,
    service,
    credentialId: 'cred_test000000000000',
    credentialVersion: 1,
    label: 'default',
    fields: { api_key: new SecretValue(KEY) },
    settings: { endpoint: 'https://acme.openai.azure.com', deploymentMappings: names },
    isCurrent: () => true,
  });
  gateway = await startGateway({
    baseUrls: { 'azure-openai': provider.url, openai: provider.openAiUrl },
    replaced: {
      resolver: { resolve: (_grant, { service }) => credential(service), refreshAfterRefusal: async () => undefined },
      budgets: { reserve: (request) => (budgeted.push(request), request.bounds(), null) },
    },
  });
});
afterEach(() => gateway.close());

const chat = { messages: [{ role: 'user', content: 'Hi' }] };
const deployment = (name: string) => `/proxy/azure-openai/openai/deployments/${name}/chat/completions?api-version=${VERSION}`;

describe('R5.1 Azure OpenAI as its own SDK calls it', () => {
  const client = (apiKey: string) => new AzureOpenAI({ endpoint: `${gateway.url}/proxy/azure-openai`, apiKey, apiVersion: VERSION, maxRetries: 0 });

  it('chats, streams, embeds and responds, with the key in Azure\'s header and the deployment in the path', async () => {
    const azure = client('key');
    expect((await azure.chat.completions.create(hello('small'))).choices[0]?.message.content).toBe(helloAnswer);
    const { items } = await readAll(await azure.chat.completions.create({ ...hello('small'), stream: true }));
    expect(streamedText(items)).toBe(helloAnswer);
    expect((await azure.embeddings.create({ model: 'vectors', input: 'x' })).data).toHaveLength(1);
    expect((await azure.responses.create({ model: 'small', input: 'Hello' })).output_text).toBe(helloAnswer);
    expect(provider.requests.map(({ path }) => path)).toEqual([
      `/openai/deployments/small/chat/completions?api-version=${VERSION}`,
      `/openai/deployments/small/chat/completions?api-version=${VERSION}`,
      `/openai/deployments/vectors/embeddings?api-version=${VERSION}`,
      `/openai/responses?api-version=${VERSION}`,
    ]);
    for (const { headers } of provider.requests) expect([headers['api-key'], headers.authorization]).toEqual([KEY, undefined]);
    expect(gateway.ended.map(({ service, model, route, outcome, estimated }) => [service, model, route, outcome, estimated])).toEqual([
      ['azure-openai', 'small', 'chat/completions', 'completed', false],
      ['azure-openai', 'small', 'chat/completions', 'completed', false],
      ['azure-openai', 'vectors', 'embeddings', 'completed', false],
      ['azure-openai', 'small', 'responses', 'completed', false],
    ]);
  });

  it('refuses in the shape of its errors, and takes two different keys for none (S22)', async () => {
    gateway.principals.set('narrow', gatewayKeyOf('acme', { models: ['gpt-4o*'] }));
    await expect(client('narrow').chat.completions.create(hello('small'))).rejects.toBeInstanceOf(PermissionDeniedError);
    expect((await ask(gateway.url, deployment('small'), chat, { 'api-key': 'another' })).status).toBe(400);
    expect((await send(gateway.url, { path: deployment('small'), headers: { 'api-key': 'unknown', 'content-type': 'application/json' }, body: '{}' })).status).toBe(401);
    expect(provider.requests).toEqual([]);
  });
});

describe('R5.1 Azure OpenAI by the API that all providers share', () => {
  it('goes to the resource\'s own API of version 1, with the deployment\'s name for the model\'s', async () => {
    expect((await ask(gateway.url, '/v1/chat/completions', { ...chat, model: 'azure-openai/gpt-4o' })).status).toBe(200);
    expect((await ask(gateway.url, '/v1/chat/completions', { ...chat, model: 'azure-openai/other' })).status).toBe(200);
    expect((await ask(gateway.url, '/api/ai/chat', { message: 'Hi', provider: 'azure-openai', model: 'gpt-4o' })).status).toBe(200);
    expect(provider.requests.map(({ path, body }) => [path, JSON.parse(body.toString()).model])).toEqual([
      ['/openai/v1/chat/completions', 'acme-large'],
      ['/openai/v1/chat/completions', 'other'],
      ['/openai/v1/chat/completions', 'acme-large'],
    ]);
    expect(gateway.ended.map(({ model }) => model)).toEqual(['gpt-4o', 'other', 'gpt-4o']);
  });
});

describe('S8 a deployment in the path evades nothing', () => {
  it('has to be among the models of the gateway key, as has a model in the body beside it', async () => {
    gateway.principals.set('large', gatewayKeyOf('acme', { models: ['gpt-4o', 'acme-large'] }));
    const as = { authorization: 'Bearer large' };
    expect((await ask(gateway.url, deployment('acme-large'), chat, as)).status).toBe(200);
    expect((await ask(gateway.url, deployment('gpt-4o'), chat, as)).status).toBe(200);
    expect((await ask(gateway.url, deployment('other'), chat, as)).status).toBe(403);
    expect((await ask(gateway.url, deployment('acme-large'), { ...chat, model: 'other' }, as)).status).toBe(403);
    expect((await ask(gateway.url, deployment('acme-large'), { ...chat, models: ['other'] }, as)).status).toBe(403);
    expect(provider.requests.map(({ path }) => path)).toEqual(Array(2).fill(`/openai/deployments/acme-large/chat/completions?api-version=${VERSION}`));
  });

  it('costs, and counts in budgets, what the model does that was said to run there', async () => {
    await ask(gateway.url, deployment('acme-large'), chat);
    await ask(gateway.url, deployment('gpt-4o'), chat);
    await ask(gateway.url, '/v1/chat/completions', { ...chat, model: 'azure-openai/acme-large' });
    for (const { models, price, isListed } of budgeted) {
      expect([...models].sort()).toEqual(['acme-large', 'gpt-4o']);
      expect([price?.rates.input, isListed]).toEqual([2_500_000, true]);
    }
    expect(budgeted).toHaveLength(3);
    for (const { cost } of gateway.ended) expect(cost).not.toBeNull();
    names = {};
    await ask(gateway.url, deployment('acme-large'), chat);
    expect(budgeted[3]).toMatchObject({ models: ['acme-large'], price: null });
  });

  it.each([deployment('ACME-Large'), '/v1/chat/completions'])('nor does writing its name in another case, which Azure may take for the same: %s', async (path) => {
    await ask(gateway.url, path, { ...chat, model: path.startsWith('/v1/') ? 'azure-openai/Acme-LARGE' : 'acme-large' });
    expect(budgeted).toMatchObject([{ models: expect.arrayContaining(['gpt-4o']), isListed: true, price: { rates: { input: 2_500_000 } } }]);
  });

  it.each(['a%2Fb', 'a/b', '..', '%2e%2e', 'a%20b', 'a@b', 'x'.repeat(65), 'a:b', '%C3%A9', 'a?b', "a'b"])('is a deployment\'s name and nothing else: %s', async (odd) => {
    expect([400, 404]).toContain((await ask(gateway.url, deployment(odd), chat)).status);
    expect(provider.requests).toEqual([]);
  });

  it('S4 nor does a name that the credential has for it', async () => {
    names = { a: '../../x', b: 'c/d', e: '..' };
    for (const name of Object.keys(names)) expect((await ask(gateway.url, deployment(name), chat)).status).toBe(400);
    expect(provider.requests).toEqual([]);
  });
});

it('S1 a platform\'s resource shows nobody its data, its deployments and its stored answers', async () => {
  source = 'platform';
  const own = [{ type: 'azure_search', parameters: { endpoint: 'https://x.search.windows.net', index_name: 'all', authentication: { type: 'system_assigned_managed_identity' } } }];
  expect((await ask(gateway.url, deployment('acme-large'), { ...chat, data_sources: own })).status).toBe(403);
  expect((await ask(gateway.url, '/v1/chat/completions', { ...chat, model: 'azure-openai/acme-large', dataSources: [{}] })).status).toBe(403);
  expect((await ask(gateway.url, '/v1/responses', { model: 'azure-openai/acme-large', input: 'x', previous_response_id: 'resp_1' })).status).toBe(403);
  expect((await send(gateway.url, { method: 'GET', path: `/proxy/azure-openai/openai/models?api-version=${VERSION}`, headers: { 'api-key': 'key' } })).status).toBe(403);
  for (const tuned of ['gpt-4o-mini.ft-0123', 'gpt-4o-mini.FT-0123']) expect((await ask(gateway.url, deployment(tuned), chat)).status).toBe(403);
  expect((await ask(gateway.url, deployment('acme-large'), chat)).status).toBe(200);
  expect(provider.requests).toHaveLength(1);
});

describe('Bifrost#2873: routes of a service\'s own, which go through without another format', () => {
  it('are admitted, scoped, budgeted and metered like all others', async () => {
    gateway.principals.set('narrow', gatewayKeyOf('acme', { services: ['openai'], models: ['gpt-4o-mini'] }));
    const as = { authorization: 'Bearer narrow' };
    const own = '/proxy/openai/v1/chat/completions';
    expect((await ask(gateway.url, own, { ...chat, model: 'gpt-4o-mini' }, as)).status).toBe(200);
    expect((await ask(gateway.url, own, { ...chat, model: 'gpt-4o' }, as)).status).toBe(403);
    expect((await ask(gateway.url, deployment('gpt-4o-mini'), chat, as)).status).toBe(403);
    expect((await ask(gateway.url, own, { ...chat, model: 'gpt-4o-mini' }, { 'x-keyhold-provider': 'azure-openai' })).status).toBe(400);
    for (const path of ['/proxy/openai/v1/files', '/proxy/openai/chat/completions', '/proxy/groq/v1/chat/completions', '/proxy/nosuch/v1/chat/completions', '/proxy/', '/proxy', '/proxy/openai', '/proxy/constructor/v1/x']) {
      expect([path, (await ask(gateway.url, path, { ...chat, model: 'gpt-4o-mini' })).status]).toEqual([path, 404]);
    }
    expect(provider.requests.map(({ path }) => path)).toEqual(['/v1/chat/completions']);
    expect(budgeted).toHaveLength(1);
    expect(gateway.ended).toMatchObject([{ service: 'openai', model: 'gpt-4o-mini', unpriced: false }]);
  });

  it('leave a model\'s name as it is, since the path says who runs it', async () => {
    await ask(gateway.url, '/proxy/openai/v1/chat/completions', { ...chat, model: 'groq/llama' });
    expect(JSON.parse(provider.requests[0]?.body.toString() ?? '{}')).toMatchObject({ model: 'groq/llama' });
  });
});
