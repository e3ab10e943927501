import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ask, defaultPolicy, type GatewayFixture, gatewayKeyOf, send, startGateway } from '../../test/support/gateway-fixture.ts';
import { type ProviderServer, startProviderServer } from '../../test/support/servers/provider-server.ts';
import { nanoDollars } from '../core/prices/money.ts';

let provider: ProviderServer;
let gateway: GatewayFixture;

beforeAll(async () => {
  provider = await startProviderServer({ keys: ['sk-test-provider-key'] });
});
afterAll(() => provider.close());
beforeEach(async () => {
  provider.requests.length = 0;
  gateway = await startGateway({ baseUrls: { openai: provider.openAiUrl, anthropic: provider.url, openrouter: provider.openAiUrl } });
});
afterEach(() => gateway.close());

const messages = [{ role: 'user', content: 'Hi' }];
const unknown = { model: 'nobody-knows-it', messages };

describe('models whose price is not known (point 6 of R5.4)', () => {
  it('are allowed where nobody says otherwise, and count as unpriced, never as 0', async () => {
    expect((await ask(gateway.url, '/v1/chat/completions', unknown)).status).toBe(200);
    expect(gateway.started[0]?.estimatedCost).toBeNull();
    expect(gateway.ended).toMatchObject([{ cost: null, unpriced: true }]);
  });

  it('are refused in the provider\'s own shape before the provider hears of them, where the policy says so (S8: any that could run)', async () => {
    gateway.policy = { ...defaultPolicy, unpricedModels: 'refuse' };
    const answer = await ask(gateway.url, '/v1/chat/completions', unknown);
    expect([answer.status, JSON.parse(answer.body.toString())]).toMatchObject([403, { error: { code: 'permission_denied', message: expect.stringContaining('"nobody-knows-it" costs at openai is not known') as unknown } }]);
    const message = await ask(gateway.url, '/anthropic/v1/messages', { ...unknown, max_tokens: 5 });
    expect([message.status, JSON.parse(message.body.toString())]).toMatchObject([403, { type: 'error', error: { type: 'permission_error' } }]);
    const fallback = await ask(gateway.url, '/v1/chat/completions', { model: 'openrouter/openai/gpt-4o', models: ['nobody/knows-it'], messages });
    expect(fallback.status).toBe(403);
    expect([provider.requests.length, gateway.started.length]).toEqual([0, 0]);
    expect((await ask(gateway.url, '/v1/chat/completions', { model: 'gpt-4o-mini', messages })).status).toBe(200);
    expect((await send(gateway.url, { method: 'GET', path: '/v1/models', headers: { authorization: 'Bearer key' } })).status).toBe(200);
  });

  it('are charged at the set price, where the policy says so', async () => {
    gateway.policy = { ...defaultPolicy, unpricedModels: 'charge', unpricedPrice: { input: 5_000_000, output: 15_000_000, request: 1_000_000 } };
    await ask(gateway.url, '/v1/chat/completions', unknown);
    const [event] = gateway.ended;
    expect(event?.unpriced).toBe(false);
    expect(event?.cost === null || event === undefined ? undefined : nanoDollars(event.cost)).toBe(1_000_000 + (event?.inputTokens ?? 0) * 5_000 + (event?.outputTokens ?? 0) * 15_000);
  });
});

describe('R5.9 the provider\'s list of models', () => {
  const listed = async (): Promise<unknown> => {
    const { status, headers, body } = await send(gateway.url, { method: 'GET', path: '/v1/models', headers: { authorization: 'Bearer gk' } });
    expect([status, headers['content-length']]).toEqual([200, String(body.length)]);
    return JSON.parse(body.toString());
  };

  it('shows what the gateway key may use, and all of it to one that may use all', async () => {
    gateway.principals.set('gk', gatewayKeyOf('acme', { models: null }));
    const whole = await listed();
    expect(whole).toMatchObject({ object: 'list', data: [{ id: 'gpt-4o-mini' }, { id: 'ft:gpt-4o-mini:local-account' }] });
    gateway.principals.set('gk', gatewayKeyOf('acme', { models: ['gpt-*'] }));
    expect(await listed()).toEqual({ ...(whole as object), data: (whole as { data: readonly unknown[] }).data.slice(0, 1) });
    gateway.principals.set('gk', gatewayKeyOf('acme', { models: ['claude-*'] }));
    expect(await listed()).toMatchObject({ object: 'list', data: [] });
    expect(gateway.ended.map(({ cost, unpriced, outcome }) => [cost?.amount, unpriced, outcome])).toEqual(Array.from({ length: 3 }, () => ['0', false, 'completed']));
  });
});
