import { createAnthropic } from '@ai-sdk/anthropic';
import { createOpenAI } from '@ai-sdk/openai';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { APICallError, embed, embedMany, generateText, type LanguageModel, RetryError, stepCountIs, streamText, tool } from 'ai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { handOver, makeTenant, type TestTenant } from '../support/api.ts';
import { failure, readAll, until } from '../support/outcome.ts';
import { type ProductWithProvider, requestFor, requestsFor, startProductWithProvider, usageEvent, usageEvents } from '../support/product-with-provider.ts';

let world: ProductWithProvider;
let acme: TestTenant;

beforeAll(async () => {
  world = await startProductWithProvider();
  acme = await makeTenant(world.product, 'acme');
  await handOver(acme, 'openai', 'sk-test-own-openai-key-0001');
  await handOver(acme, 'anthropic', 'sk-ant-test-own-anthropic-key-0002');
  await handOver(acme, 'groq', 'gsk_test_own_groq_key_0003');
});

afterAll(async () => world.close());

/** A provider's package, changed in nothing but base URL and key. */
interface Package {
  readonly name: string;
  readonly path: string;
  readonly route: string;
  readonly model: (id: string, apiKey?: string) => LanguageModel;
}

const packages: readonly Package[] = [
  {
    name: '@ai-sdk/openai (responses)',
    path: '/v1/responses',
    route: 'responses',
    model: (id, apiKey = acme.gatewayKey) => createOpenAI({ baseURL: `${world.product.url}/v1`, apiKey })(id),
  },
  {
    name: '@ai-sdk/openai (chat)',
    path: '/v1/chat/completions',
    route: 'chat/completions',
    model: (id, apiKey = acme.gatewayKey) => createOpenAI({ baseURL: `${world.product.url}/v1`, apiKey }).chat(id),
  },
  {
    name: '@ai-sdk/openai-compatible',
    path: '/groq/v1/chat/completions',
    route: 'chat/completions',
    model: (id, apiKey = acme.gatewayKey) => createOpenAICompatible({ name: 'keyhold', baseURL: `${world.product.url}/v1`, apiKey })(`groq/${id}`),
  },
  {
    name: '@ai-sdk/anthropic',
    path: '/anthropic/v1/messages',
    route: 'messages',
    model: (id, apiKey = acme.gatewayKey) => createAnthropic({ baseURL: `${world.product.url}/anthropic/v1`, apiKey })(id),
  },
];

const beginning = 'Hello from the local provider 👋.';
const weather = tool({
  description: 'The weather in a city',
  inputSchema: z.object({ city: z.string() }),
  execute: async ({ city }) => `Sunny in ${city}`,
});

describe.each(packages)('R5.1 $name', ({ name, path, route, model }) => {
  /** Names do not repeat from package to package, so that a request is found by its model. */
  const id = (what: string): string => `${what}-${name.replaceAll(/\W+/g, '-')}`;

  it('R5.1 generateText, with the provider\'s counts', async () => {
    const { text, usage, finishReason } = await generateText({ model: model(id('plain')), prompt: 'Hello', maxOutputTokens: 100, maxRetries: 0 });
    expect(text.startsWith(beginning)).toBe(true);
    expect(finishReason).toBe('stop');
    expect(requestFor(world.provider, id('plain')).path).toBe(path);
    expect(await usageEvents(acme, id('plain'))).toMatchObject([{ route, outcome: 'completed', estimated: false, inputTokens: usage.inputTokens, outputTokens: usage.outputTokens }]);
  });

  it('R5.2 streamText', async () => {
    const result = streamText({ model: model(id('stream')), prompt: 'Hello', maxOutputTokens: 100, maxRetries: 0 });
    let text = '';
    for await (const piece of result.textStream) text += piece;
    expect(text.startsWith(beginning)).toBe(true);
    expect(await result.finishReason).toBe('stop');
    expect(await usageEvents(acme, id('stream'))).toMatchObject([{ outcome: 'completed', estimated: false, outputTokens: 9 }]);
  });

  it.each(['plain', 'stream'])('R5.1 tools (%s): the call with its checked input, the result, and the answer', async (how) => {
    const options = { model: model(id(`tools-${how}`)), prompt: 'Hello', maxOutputTokens: 100, tools: { weather }, stopWhen: stepCountIs(3), maxRetries: 0 };
    const result = how === 'plain' ? await generateText(options) : streamText(options);
    const steps = await result.steps;
    expect(steps.map(({ finishReason }) => finishReason)).toEqual(['tool-calls', 'stop']);
    expect(steps[0]?.toolCalls).toMatchObject([{ toolName: 'weather', input: { city: 'Paris' } }]);
    expect(steps[0]?.toolResults).toMatchObject([{ output: 'Sunny in Paris' }]);
    expect((await usageEvents(acme, id(`tools-${how}`))).map(({ outcome }) => outcome)).toEqual(['completed', 'completed']);
  });

  it('R0.3 errors: its own class, with status, words, and whether a retry may help', async () => {
    const wrong = await failure(generateText({ model: model(id('wrong-key'), 'test-not-a-gateway-key'), prompt: 'Hello', maxOutputTokens: 100, maxRetries: 0 }));
    expect(APICallError.isInstance(wrong)).toBe(true);
    expect(wrong).toMatchObject({ statusCode: 401, isRetryable: false, message: expect.stringContaining('not known here') as unknown });
    expect(requestsFor(world.provider.requests, id('wrong-key'))).toEqual([]);
    const bad = await failure(generateText({ model: model(id('error-400')), prompt: 'Hello', maxOutputTokens: 100, maxRetries: 0 }));
    expect(bad).toMatchObject({ statusCode: 400, isRetryable: false, message: 'The local provider was asked for 400' });
    const limited = await failure(generateText({ model: model(id('error-429')), prompt: 'Hello', maxOutputTokens: 100, maxRetries: 1 }));
    expect(RetryError.isInstance(limited)).toBe(true);
    expect(limited).toMatchObject({ lastError: { statusCode: 429, isRetryable: true } });
    expect((await usageEvents(acme, id('error-429'))).map(({ outcome }) => outcome)).toEqual(['failed', 'failed']);
  });

  it.each(['cut-midstream', 'clean-end-without-done'])('R5.2 a stream that is not whole does not look finished: %s', async (fault) => {
    const result = streamText({ model: model(id(fault)), prompt: 'Hello', maxOutputTokens: 100, maxRetries: 0, onError: () => undefined });
    const { items, error } = await readAll(result.fullStream);
    expect(error).toBeInstanceOf(Error);
    expect(items.map(({ type }) => type)).toContain('text-delta');
    expect(items.map(({ type }) => type)).not.toContain('finish');
    expect(await usageEvents(acme, id(fault))).toMatchObject([{ outcome: 'failed', estimated: true }]);
  });

  it('R5.2 an aborted stream stops the provider and is accounted for', async () => {
    const controller = new AbortController();
    const result = streamText({ model: model(id('endless')), prompt: 'Hello', maxOutputTokens: 100, maxRetries: 0, abortSignal: controller.signal });
    let came = 0;
    for await (const part of result.fullStream) {
      if (part.type === 'text-delta') came += part.text.length;
      if (came > 100) controller.abort();
    }
    const recorded = requestFor(world.provider, id('endless'));
    await until('the provider is left alone', () => recorded.aborted);
    expect(await usageEvent(acme, id('endless'))).toMatchObject({ outcome: 'aborted', estimated: true });
  });
});

describe('R5.1 embeddings', () => {
  const expected = Array.from({ length: 8 }, (_, at) => Math.sin(at));

  it('R5.1 embed and embedMany of @ai-sdk/openai', async () => {
    const provider = createOpenAI({ baseURL: `${world.product.url}/v1`, apiKey: acme.gatewayKey });
    const one = await embed({ model: provider.embedding('embed-one'), value: 'Hello', maxRetries: 0 });
    expect(one.embedding).toEqual(expected);
    const many = await embedMany({ model: provider.embedding('embed-many'), values: ['Hello', 'world'], maxRetries: 0 });
    expect(many.embeddings).toEqual([expected, expected]);
    expect(await usageEvents(acme, 'embed-many')).toMatchObject([{ route: 'embeddings', inputTokens: many.usage.tokens, outputTokens: 0, estimated: false }]);
  });

  it('R5.1 embed of @ai-sdk/openai-compatible', async () => {
    const provider = createOpenAICompatible({ name: 'keyhold', baseURL: `${world.product.url}/v1`, apiKey: acme.gatewayKey });
    const { embedding } = await embed({ model: provider.embeddingModel('openai/embed-compatible'), value: 'Hello', maxRetries: 0 });
    expect(embedding).toEqual(expected);
    expect(requestFor(world.provider, 'embed-compatible').path).toBe('/v1/embeddings');
  });
});
