import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { LeaseTable } from '../adapters/limit-leases/lease-table.ts';
import { createInProcessBus } from '../adapters/bus/in-process.ts';
import { createMemoryStore } from '../adapters/metadata-store/memory/memory-store.ts';
import { createMetrics } from '../adapters/metrics/prometheus.ts';
import { noLimits } from '../core/limits/limits-request.ts';
import { LeaseWay } from '../core/limits/lease-way.ts';
import { RateLedger } from '../core/limits/rate-ledger.ts';
import { RateLimits } from '../core/limits/rate-limits.ts';
import type { Limits, LimitsLayer } from '../ports/metadata/limits.ts';
import { ask, eventually, type GatewayFixture, gatewayKeyOf, startGateway, tokenOf } from '../../test/support/gateway-fixture.ts';
import { RecordingLog } from '../../test/support/recording-log.ts';
import { type ProviderServer, startProviderServer } from '../../test/support/servers/provider-server.ts';

let provider: ProviderServer;
let gateway: GatewayFixture;
let put: (layer: LimitsLayer, limits: Partial<Limits>) => Promise<void>;

beforeAll(async () => {
  provider = await startProviderServer();
});
afterAll(() => provider.close());
beforeEach(async () => {
  gateway = await startGateway({ baseUrls: { openai: provider.openAiUrl, groq: provider.openAiUrl, anthropic: provider.url } });
  const { limits } = createMemoryStore();
  // 12:00:30.25 by the clock, so that a minute ends in 29.75 s.
  const clock = { now: () => Date.UTC(2026, 10, 1, 12, 0, 30, 250), monotonic: () => 0 };
  const bus = createInProcessBus(new RecordingLog());
  const ledger = new RateLedger({ way: new LeaseWay({ leases: new LeaseTable(clock), clock, processes: () => ({ all: 1, asking: 1 }) }), holder: 'test' });
  gateway.rateLimits = new RateLimits({ limits, ledger, bus, clock, metrics: createMetrics() });
  put = async (layer, changed) => {
    const { revision } = await limits.create({ tenant: 'acme', layer }, { limits: { ...noLimits, ...changed } });
    await bus.publish({ topic: 'limits', tenant: 'acme', layer, version: revision });
  };
});
afterEach(() => gateway.close());

const chat = { model: 'gpt-4o-mini', messages: [{ role: 'user', content: 'Hi' }] };
const path = '/v1/chat/completions';
const anthropicPath = '/anthropic/v1/messages';
const message = { model: 'claude-3-5-haiku-latest', max_tokens: 5, messages: [{ role: 'user', content: 'Hi' }] };

describe('limits at the gateway (R5.4)', () => {
  it('R0.3: what passes one is 429 with Retry-After, in OpenAI\'s shape and headers, and reaches no provider', async () => {
    await put('own', { requests: [{ max: 2, per: 'minute' }] });
    const before = provider.requests.length;
    const answers = [await ask(gateway.url, path, chat), await ask(gateway.url, path, chat), await ask(gateway.url, path, chat)];
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 429]);
    expect(provider.requests.length - before).toBe(2);
    const { headers, body } = answers[2]!;
    expect(headers).toMatchObject({ 'retry-after': '30', 'x-ratelimit-limit-requests': '2', 'x-ratelimit-remaining-requests': '0', 'x-ratelimit-reset-requests': '29.75s', 'x-keyhold-error-origin': 'keyhold' });
    expect(headers).not.toHaveProperty('x-ratelimit-limit-tokens');
    expect(JSON.parse(body.toString())).toMatchObject({ error: { type: 'rate_limit_error', code: 'rate_limited', message: expect.stringContaining('2 requests a minute') } });
  });

  it('a change counts for the next request', async () => {
    const statusOf = async (): Promise<number> => (await ask(gateway.url, path, chat)).status;
    expect(await statusOf()).toBe(200);
    await put('platform', { requests: [{ max: 1, per: 'day' }] });
    expect([await statusOf(), await statusOf()]).toEqual([200, 429]);
  });

  it('in Anthropic\'s shape and headers', async () => {
    await put('own', { requests: [{ max: 1, per: 'minute' }], tokens: [{ max: 100_000, per: 'hour' }] });
    expect((await ask(gateway.url, anthropicPath, message)).status).toBe(200);
    const { status, headers, body } = await ask(gateway.url, anthropicPath, message);
    expect(status).toBe(429);
    expect(headers).toMatchObject({
      'retry-after': '30', 'anthropic-ratelimit-requests-limit': '1', 'anthropic-ratelimit-requests-remaining': '0', 'anthropic-ratelimit-tokens-limit': '100000',
    });
    expect(headers['anthropic-ratelimit-requests-reset']).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/u);
    expect(JSON.parse(body.toString())).toMatchObject({ type: 'error', error: { type: 'rate_limit_error' } });
  });

  it('of tokens: what is left, where a request is worth more', async () => {
    await put('own', { tokens: [{ max: 30, per: 'hour' }] });
    expect((await ask(gateway.url, path, chat)).status).toBe(200);
    const { status, body } = await ask(gateway.url, path, { ...chat, user: 'x'.repeat(40) });
    expect([status, JSON.parse(body.toString())]).toMatchObject([429, { error: { message: expect.stringMatching(/^Of the limit of 30 tokens an hour that the tenant has \d+ are left, and this request seems to be worth \d+\. Try again in/) } }]);
  });

  it('S1: with a shared credential every answer tells of ours, with one of the tenant\'s own none does', async () => {
    await put('platform', { requests: [{ max: 10, per: 'minute' }] });
    expect((await ask(gateway.url, path, chat)).headers).not.toHaveProperty('x-ratelimit-limit-requests', '10');
    gateway.source = 'platform';
    expect((await ask(gateway.url, path, chat)).headers).toMatchObject({ 'x-ratelimit-limit-requests': '10', 'x-ratelimit-remaining-requests': '8' });
  });

  it('both layers and the gateway key\'s own hold, and another tenant has nothing of it', async () => {
    await put('own', { requests: [{ max: 4, per: 'day' }] });
    await put('platform', { requests: [{ max: 3, per: 'day' }] });
    gateway.principals.set('limited', gatewayKeyOf('acme', { limits: { ...noLimits, requests: [{ max: 2, per: 'day' }] } }));
    gateway.principals.set('other', tokenOf('globex'));
    const statusOf = async (key: string): Promise<number> => (await ask(gateway.url, path, chat, { authorization: `Bearer ${key}` })).status;
    expect([await statusOf('limited'), await statusOf('limited'), await statusOf('limited')]).toEqual([200, 200, 429]);
    expect([await statusOf('key'), await statusOf('key')]).toEqual([200, 429]);
    expect(await statusOf('other')).toBe(200);
  });

  it('a service\'s own limit holds for that one alone', async () => {
    await put('own', { services: { groq: { ...noLimits, requests: [{ max: 1, per: 'hour' }] } } });
    const groq = { ...chat, model: 'groq/gpt-4o-mini' };
    expect([(await ask(gateway.url, path, groq)).status, (await ask(gateway.url, path, groq)).status, (await ask(gateway.url, path, chat)).status]).toEqual([200, 429, 200]);
  });

  it('tokens are what was used, not what was estimated: an answer that costs more than is left is the last one', async () => {
    await put('own', { tokens: [{ max: 30, per: 'hour' }] });
    gateway.source = 'platform';
    const first = await ask(gateway.url, path, chat);
    expect(first.status).toBe(200);
    const { usage } = JSON.parse(first.body.toString()) as { usage: { total_tokens: number } };
    await eventually(() => gateway.gateway.openRequests() === 0);
    const second = await ask(gateway.url, path, chat);
    expect(Number(second.headers['x-ratelimit-limit-tokens'])).toBe(30);
    if (second.status === 200) expect(Number(second.headers['x-ratelimit-remaining-tokens'])).toBeLessThanOrEqual(30 - usage.total_tokens);
    const last = [second, await ask(gateway.url, path, chat), await ask(gateway.url, path, chat)].at(-1);
    expect(last?.status).toBe(429);
  });

  it('places of open requests come back when they end, also when the client leaves', async () => {
    await put('own', { concurrent: 1 });
    expect([(await ask(gateway.url, path, chat)).status, (await ask(gateway.url, path, chat)).status]).toEqual([200, 200]);
    const controller = new AbortController();
    const open = fetch(gateway.url + path, { method: 'POST', headers: { authorization: 'Bearer key', 'content-type': 'application/json' }, body: JSON.stringify({ ...chat, model: 'silent' }), signal: controller.signal }).catch(() => undefined);
    await eventually(() => gateway.started.length === 3);
    const refused = await ask(gateway.url, path, chat);
    expect(refused).toMatchObject({ status: 429, headers: { 'retry-after': '1' } });
    expect(refused.body.toString()).toContain('1 open request at a time');
    controller.abort();
    await open;
    await eventually(() => gateway.gateway.openRequests() === 0);
    expect((await ask(gateway.url, path, chat)).status).toBe(200);
  });
});
