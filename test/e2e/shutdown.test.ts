import { rm } from 'node:fs/promises';
import { Anthropic } from '@anthropic-ai/sdk';
import { APIConnectionError } from 'openai';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { apiOf, handOver, makeTenant, type TestTenant } from '../support/api.ts';
import { hello, helloAnswer, openAi, streamedText } from '../support/openai-sdk.ts';
import { failure, readAll, until } from '../support/outcome.ts';
import { type Product, startProduct, temporaryFolder } from '../support/product.ts';
import { baseUrlsOf, requestFor, requestsFor, usageEvents } from '../support/product-with-provider.ts';
import { type ProviderServer, startProviderServer } from '../support/servers/provider-server.ts';

let provider: ProviderServer;
let dataDir: string;
let product: Product;
let acme: TestTenant;

beforeAll(async () => {
  provider = await startProviderServer();
});

afterAll(async () => provider.close());

beforeEach(async () => {
  dataDir = await temporaryFolder();
});

afterEach(async () => {
  await product.kill();
  await rm(dataDir, { recursive: true, force: true });
});

async function start(shutdownTimeout: string): Promise<void> {
  product = await startProduct({ dataDir, env: { ...baseUrlsOf(provider), KEYHOLD_SHUTDOWN_TIMEOUT: shutdownTimeout } });
}

async function startWithTenant(shutdownTimeout: string): Promise<void> {
  await start(shutdownTimeout);
  acme = await makeTenant(product, 'acme');
  await handOver(acme, 'openai', 'sk-test-own-openai-key-0001');
  await handOver(acme, 'anthropic', 'sk-ant-test-own-anthropic-key-0002');
}

/** The usage events as the next start shows them, of one model. */
async function eventsAfterRestart(model: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
  await start('10s');
  return usageEvents({ ...acme, admin: apiOf(product.url, acme.admin.token) }, model);
}

/** The first thing it gives; the rest is read by whoever gets `rest`. */
async function begun<T>(source: AsyncIterable<T>): Promise<{ readonly rest: Promise<{ readonly items: T[]; readonly error: unknown }> }> {
  const first = Promise.withResolvers<void>();
  async function* watched(): AsyncGenerator<T> {
    for await (const item of source) {
      first.resolve();
      yield item;
    }
  }
  const rest = readAll(watched());
  await Promise.race([first.promise, rest]);
  return { rest };
}

describe('R0.1 SIGTERM', () => {
  it('R0.1 streams that run are finished, nothing new is taken, and the exit code is 0', async () => {
    await startWithTenant('30s');
    const anthropic = new Anthropic({ baseURL: `${product.url}/anthropic`, apiKey: acme.gatewayKey, maxRetries: 0 });
    const chat = await begun(await openAi(product, acme.gatewayKey).chat.completions.create({ ...hello('slow-chat'), stream: true }));
    const message = await begun(await anthropic.messages.create({ model: 'slow-message', max_tokens: 100, messages: [{ role: 'user', content: 'Hello' }], stream: true }));
    product.process.kill('SIGTERM');
    await until('it has stopped listening', async () => fetch(`${product.url}/livez`).then(async (response) => (await response.text()) === '', () => true));
    expect(await failure(openAi(product, acme.gatewayKey).chat.completions.create(hello('too-late')))).toBeInstanceOf(APIConnectionError);

    const chatEnd = await chat.rest;
    expect([streamedText(chatEnd.items), chatEnd.error]).toEqual([helloAnswer, undefined]);
    const messageEnd = await message.rest;
    expect([messageEnd.items.at(-1)?.type, messageEnd.error]).toEqual(['message_stop', undefined]);
    expect(await product.exited).toEqual({ code: 0, signal: null });
    expect(product.logLines().map(({ event }) => event)).toEqual(expect.arrayContaining(['stopping', 'stopped']));
    expect(product.output()).not.toContain('stopped_early');
    expect(requestsFor(provider.requests, 'too-late')).toEqual([]);

    expect(await eventsAfterRestart('slow-chat')).toMatchObject([{ outcome: 'completed', estimated: false, outputTokens: 9 }]);
    expect(await usageEvents({ ...acme, admin: apiOf(product.url, acme.admin.token) }, 'slow-message')).toMatchObject([{ outcome: 'completed', estimated: false, outputTokens: 9 }]);
  });

  it('R0.1, R5.3 what runs longer than KEYHOLD_SHUTDOWN_TIMEOUT is cut visibly, accounted for as aborted, and the exit code is 0', async () => {
    await startWithTenant('1s');
    const client = openAi(product, acme.gatewayKey);
    const stream = await begun(await client.chat.completions.create({ ...hello('endless-cut'), stream: true }));
    const plain = failure(client.chat.completions.create(hello('silent-cut')));
    const silent = await until('the provider has both requests', () => requestsFor(provider.requests, 'silent-cut')[0]);
    product.process.kill('SIGTERM');
    const { items, error } = await stream.rest;
    expect(streamedText(items).length).toBeGreaterThan(0);
    expect(String(error)).toContain('Keyhold is stopping');
    expect(await plain).toMatchObject({ status: 503, message: expect.stringContaining('Keyhold is stopping') as unknown });
    expect(await product.exited).toEqual({ code: 0, signal: null });
    expect(product.logLines()).toContainEqual(expect.objectContaining({ event: 'stopped_early', count: 2 }));
    await until('the provider is left alone', () => requestFor(provider, 'endless-cut').aborted && silent.aborted);

    expect(await eventsAfterRestart('endless-cut')).toMatchObject([{ outcome: 'aborted', estimated: true, status: 200 }]);
    expect(await usageEvents({ ...acme, admin: apiOf(product.url, acme.admin.token) }, 'silent-cut')).toMatchObject([{ outcome: 'aborted', estimated: true, status: null }]);
  });

  it('R0.1 asked a second time, it does not wait', async () => {
    await startWithTenant('10m');
    const stream = await begun(await openAi(product, acme.gatewayKey).chat.completions.create({ ...hello('endless-twice'), stream: true }));
    let ended = false;
    void product.exited.then(() => (ended = true));
    await until('it ends', async () => {
      product.process.kill('SIGTERM');
      await new Promise((resolve) => setTimeout(resolve, 200));
      return ended;
    });
    expect(await product.exited).toEqual({ code: 0, signal: null });
    expect((await stream.rest).error).toBeInstanceOf(Error);
    expect(await eventsAfterRestart('endless-twice')).toMatchObject([{ outcome: 'aborted', estimated: true }]);
  });
});
