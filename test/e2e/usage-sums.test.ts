import { Anthropic } from '@anthropic-ai/sdk';
import type { OpenAI } from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dollars, nanoDollars } from '../../src/core/prices/money.ts';
import type { UsageEvent } from '../../src/ports/usage.ts';
import { handOver, makeTenant, type TestTenant } from '../support/api.ts';
import { hello, openAi } from '../support/openai-sdk.ts';
import { readAll, until } from '../support/outcome.ts';
import { type ProductWithProvider, startProductWithProvider, usageEvents } from '../support/product-with-provider.ts';

let world: ProductWithProvider;
let acme: TestTenant;
let openai: OpenAI;
let anthropic: Anthropic;

beforeAll(async () => {
  world = await startProductWithProvider();
  acme = await makeTenant(world.product, 'acme', { tags: { team: 'search' } });
  await handOver(acme, 'openai', 'sk-test-own-openai-key-0001');
  await handOver(acme, 'anthropic', 'sk-ant-test-own-anthropic-key-0002');
  openai = openAi(world.product, acme.gatewayKey);
  anthropic = new Anthropic({ baseURL: `${world.product.url}/anthropic`, apiKey: acme.gatewayKey, maxRetries: 0 });
});

afterAll(async () => world.close());

interface Sums {
  readonly requests: number;
  readonly unpricedRequests: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cost: unknown;
}

async function usage(query = ''): Promise<{ readonly totals: Sums; readonly groups: readonly (Sums & Record<string, unknown>)[] }> {
  const { body } = await acme.admin.must('GET', `/api/v1/tenants/acme/usage${query}`);
  return { totals: body['totals'] as Sums, groups: body['groups'] as (Sums & Record<string, unknown>)[] };
}

function sum(events: readonly Readonly<Record<string, unknown>>[], name: string): number {
  return events.reduce((total, event) => total + Number(event[name]), 0);
}

type Event = Readonly<Record<string, unknown>>;

/** By what OpenAI and Anthropic charge; models that the provider made up have no price. */
function billOf(event: Event): Pick<UsageEvent, 'cost' | 'unpriced'> {
  const [input, cached, written, output] = ['inputTokens', 'cachedTokens', 'cacheWriteTokens', 'outputTokens'].map((name) => Number(event[name])) as [number, number, number, number];
  if (event['model'] === 'gpt-4o-mini') return { cost: dollars((input - cached) * 150 + cached * 75 + output * 600), unpriced: false };
  if (event['model'] === 'claude-sonnet-4-5') return { cost: dollars((input - cached - written) * 3_000 + cached * 300 + written * 3_750 + output * 15_000), unpriced: false };
  return { cost: null, unpriced: true };
}

/** Of the events that have a price. */
function costOf(events: readonly Event[]): UsageEvent['cost'] {
  const costs = events.flatMap((event) => billOf(event).cost ?? []);
  return costs.length === 0 ? null : dollars(costs.reduce((total, cost) => total + nanoDollars(cost), 0));
}

/** Leaves as soon as some text has come. */
async function leave(model: string): Promise<void> {
  for await (const chunk of await openai.chat.completions.create({ ...hello(model), stream: true })) {
    if (chunk.choices[0]?.delta.content !== '') break;
  }
}

const message = { max_tokens: 100, messages: [{ role: 'user' as const, content: 'Hello' }] };

describe('R5.3 usage is what the provider has told', () => {
  it('R5.3 after a mix of plain, streamed, aborted and failed requests, many at a time', async () => {
    const whole: readonly (() => Promise<unknown>)[] = [
      () => openai.chat.completions.create(hello('mix-plain')),
      async () => readAll(await openai.chat.completions.create({ ...hello('mix-stream'), stream: true })),
      async () => readAll(await openai.chat.completions.create({ ...hello('mix-asked'), stream: true, stream_options: { include_usage: true } })),
      async () => readAll(await openai.chat.completions.create({ ...hello('split-mix'), stream: true })),
      () => openai.completions.create({ model: 'mix-completion', prompt: 'Hello' }),
      () => openai.embeddings.create({ model: 'mix-embedding', input: ['Hello', 'world'] }),
      () => openai.embeddings.create({ model: 'huge-mix', input: 'Hello', encoding_format: 'float' }),
      () => openai.responses.create({ model: 'mix-response', input: 'Hello' }),
      async () => readAll(await openai.responses.create({ model: 'mix-response', input: 'Hello', stream: true })),
      () => anthropic.messages.create({ model: 'mix-message', ...message }),
      () => openai.chat.completions.create(hello('gpt-4o-mini')),
      () => anthropic.messages.stream({ model: 'claude-sonnet-4-5', ...message }).finalMessage(),
      () => anthropic.messages.stream({ model: 'mix-message', ...message }).finalMessage(),
    ];
    const failing: readonly (() => Promise<unknown>)[] = [
      () => openai.chat.completions.create(hello('error-400-mix')),
      () => openai.chat.completions.create(hello('error-500-mix')),
      () => anthropic.messages.create({ model: 'error-529-mix', ...message }),
      () => openai.chat.completions.create(hello('cut-before-answer-mix')),
      async () => readAll(await openai.chat.completions.create({ ...hello('cut-midstream-mix'), stream: true })),
    ];
    const leaving: readonly (() => Promise<unknown>)[] = [() => leave('endless-mix'), () => leave('endless-mix-2')];
    const refused: readonly (() => Promise<unknown>)[] = [
      () => openai.chat.completions.create(hello('groq/no-key-for-it')),
      () => openai.files.list(),
    ];
    const rounds = 6;
    const calls = Array.from({ length: rounds }, () => [...whole, ...failing, ...leaving, ...refused]).flat();
    await Promise.all(calls.map((call) => call().catch((error: unknown) => error)));

    const expected = rounds * (whole.length + failing.length + leaving.length);
    const events = await until('every request has its event', async () => {
      const found = await usageEvents(acme);
      return found.length >= expected && found;
    });
    expect(events.length).toBe(expected);
    expect(world.provider.requests.length).toBe(expected);
    expect(new Set(events.map(({ id }) => id)).size).toBe(expected);
    const outcomes = (outcome: string): number => events.filter((event) => event['outcome'] === outcome).length;
    expect([outcomes('completed'), outcomes('failed'), outcomes('aborted')]).toEqual([rounds * whole.length, rounds * failing.length, rounds * leaving.length]);

    // What the provider counted and told, to the token; the rest is marked as an estimate.
    const told = events.filter(({ estimated, outcome }) => estimated === false && outcome === 'completed');
    expect([told.length, sum(told, 'inputTokens'), sum(told, 'outputTokens')]).toEqual([world.provider.usage.requests, world.provider.usage.inputTokens, world.provider.usage.outputTokens]);
    for (const event of events.filter(({ outcome }) => outcome === 'aborted')) expect(event).toMatchObject({ estimated: true });
    for (const event of events) expect(event).toMatchObject({ tags: { team: 'search' }, keySource: 'tenant', attempts: 1, ...billOf(event) });
    expect(events.filter(({ unpriced }) => unpriced === false)).toHaveLength(2 * rounds);
  });

  it('R0.2 the sums are those of the events, in every grouping', async () => {
    const events = await usageEvents(acme);
    const { totals } = await usage();
    const unpriced = (of: typeof events): number => of.filter((event) => event['unpriced'] === true).length;
    expect(totals).toMatchObject({ requests: events.length, unpricedRequests: unpriced(events), inputTokens: sum(events, 'inputTokens'), outputTokens: sum(events, 'outputTokens'), cost: costOf(events) });
    for (const groupBy of ['model', 'service', 'model,service']) {
      const { groups } = await usage(`?groupBy=${groupBy}`);
      expect(sum(groups, 'requests'), groupBy).toBe(events.length);
      expect(sum(groups, 'inputTokens'), groupBy).toBe(totals.inputTokens);
      for (const group of groups) {
        const own = events.filter((event) => groupBy.split(',').every((name) => event[name] === group[name]));
        expect([group.requests, group.outputTokens, group.unpricedRequests, group.cost], JSON.stringify(group)).toEqual([own.length, sum(own, 'outputTokens'), unpriced(own), costOf(own)]);
      }
    }
  });

  it('R10.2, LiteLLM#28864: another tenant sees none of it', async () => {
    const globex = await makeTenant(world.product, 'globex');
    expect(await usageEvents(globex)).toEqual([]);
    expect((await globex.admin.must('GET', '/api/v1/tenants/globex/usage')).body['totals']).toMatchObject({ requests: 0, inputTokens: 0 });
    expect((await globex.admin.call('GET', '/api/v1/tenants/acme/usage')).status).toBe(404);
  });

  it('R5.3 delivered once: the sums stay when more is asked and delivered', async () => {
    const before = await usage();
    await openai.chat.completions.create(hello('one-more'));
    const { totals } = await usage();
    expect(totals.requests).toBe(before.totals.requests + 1);
    expect((await usage()).totals).toEqual(totals);
    expect(await usageEvents(acme, 'one-more')).toHaveLength(1);
  });

  it('R5.3 a price that is set counts at the next request, and what was billed before stays as it was', async () => {
    const before = await usageEvents(acme, 'gpt-4o-mini');
    const prices = [{ service: 'openai', model: 'gpt-4o-mini', input: '1', output: '3', request: '0.01' }];
    await world.platform.must('PUT', '/api/v1/tenants/acme/prices', { prices });
    await openai.chat.completions.create(hello('gpt-4o-mini'));
    const after = await usageEvents(acme, 'gpt-4o-mini');
    const known = new Set(before.map(({ id }) => id));
    const [fresh, ...others] = after.filter(({ id }) => !known.has(id));
    expect(others).toEqual([]);
    expect(fresh?.['cost']).toEqual(dollars(10_000_000 + Number(fresh?.['inputTokens']) * 1_000 + Number(fresh?.['outputTokens']) * 3_000));
    expect(after.filter(({ id }) => known.has(id))).toEqual(before);
    const { body } = await acme.admin.must('GET', '/api/v1/models?service=openai&search=gpt-4o-mini');
    expect(body['items']).toContainEqual(expect.objectContaining({ model: 'gpt-4o-mini', source: 'tenant', request: '0.01' }));
  });
});
