import { APIConnectionTimeoutError, APIError, APIUserAbortError, InternalServerError, type OpenAI } from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { handOver, makeTenant, type TestTenant } from '../support/api.ts';
import { hello, helloAnswer, openAi, streamedText } from '../support/openai-sdk.ts';
import { failure, readAll, until } from '../support/outcome.ts';
import { type ProductWithProvider, requestFor, requestsFor, startProductWithProvider, usageEvent, usageEvents } from '../support/product-with-provider.ts';

let world: ProductWithProvider;
let acme: TestTenant;
let client: OpenAI;

beforeAll(async () => {
  world = await startProductWithProvider();
  acme = await makeTenant(world.product, 'acme');
  await handOver(acme, 'openai', 'sk-test-own-openai-key-0001');
  client = openAi(world.product, acme.gatewayKey);
});

afterAll(async () => world.close());

describe('R5.2 a stream that is not whole never looks finished', () => {
  it.each(['cut-midstream', 'clean-end-without-done'])('R5.2 chat: %s', async (fault) => {
    const { items, error } = await readAll(await client.chat.completions.create({ ...hello(`${fault}-chat`), stream: true }));
    expect(error).toBeInstanceOf(APIError);
    expect(error).toMatchObject({ code: 'upstream_failed', type: 'api_error' });
    expect(streamedText(items).length).toBeGreaterThan(0);
    expect(helloAnswer.startsWith(streamedText(items))).toBe(true);
    expect(items.map(({ choices }) => choices[0]?.finish_reason ?? null)).not.toContain('stop');
    expect((await usageEvents(acme, `${fault}-chat`))[0]).toMatchObject({ outcome: 'failed', status: 200, estimated: true });
  });

  it.each(['cut-midstream', 'clean-end-without-done'])('R5.2 responses: %s', async (fault) => {
    const { items, error } = await readAll(await client.responses.create({ model: `${fault}-responses`, input: 'Hello', stream: true }));
    expect(error).toBeInstanceOf(Error);
    expect(items.map(({ type }) => type)).not.toContain('response.completed');
    expect((await usageEvents(acme, `${fault}-responses`))[0]).toMatchObject({ outcome: 'failed', estimated: true });
  });

  it('R5.2 the helper for streams fails too, whatever it has already shown', async () => {
    const stream = client.chat.completions.stream(hello('cut-midstream-helper'));
    expect(await failure(stream.finalChatCompletion())).toBeInstanceOf(APIError);
  });

  it('R5.2 an error that the provider tells in its stream arrives as the provider told it', async () => {
    const { error } = await readAll(await client.chat.completions.create({ ...hello('stream-error-chat'), stream: true }));
    expect(error).toBeInstanceOf(APIError);
    expect(error).toMatchObject({ message: expect.stringContaining('The local provider failed') as unknown });
    const event = await usageEvent(acme, 'stream-error-chat');
    // The package hangs up as soon as it has read the error.
    expect(event).toMatchObject({ outcome: 'failed', status: 200 });
  });

  it('R5.2 a plain answer that is cut is an error before its first byte, or a broken connection after it', async () => {
    const small = await failure(client.chat.completions.create(hello('cut-midstream-plain')));
    expect(small).toBeInstanceOf(InternalServerError);
    expect(small).toMatchObject({ status: 502, code: 'upstream_failed' });
    const input = Array.from({ length: 4000 }, () => 'Hello');
    expect(await failure(client.embeddings.create({ model: 'cut-midstream-large', input, encoding_format: 'float' }))).toBeInstanceOf(Error);
    expect(await failure(client.chat.completions.create(hello('cut-without-length')))).toMatchObject({ status: 502 });
    expect(await failure(client.chat.completions.create(hello('cut-before-answer')))).toMatchObject({ status: 502 });
    for (const model of ['cut-midstream-plain', 'cut-midstream-large', 'cut-without-length', 'cut-before-answer']) {
      expect(await usageEvents(acme, model), model).toMatchObject([{ outcome: 'failed', estimated: true }]);
    }
  });
});

describe('R5.2 a client that leaves', () => {
  /** The provider saw it go, and exactly one event says so. */
  async function seesItEnd(model: string): Promise<void> {
    const recorded = requestFor(world.provider, model);
    await until(`the provider is left alone (${model})`, () => recorded.aborted);
    const event = await usageEvent(acme, model);
    expect(event).toMatchObject({ outcome: 'aborted', estimated: true });
    expect(Number(event['inputTokens'])).toBeGreaterThan(0);
  }

  it('R5.2, R5.3 by abort(), in the middle of a stream', async () => {
    const stream = await client.chat.completions.create({ ...hello('endless-abort'), stream: true });
    let came = 0;
    for await (const chunk of stream) {
      came += chunk.choices[0]?.delta.content?.length ?? 0;
      if (came > 200) stream.controller.abort();
    }
    await seesItEnd('endless-abort');
    expect(Number((await usageEvents(acme, 'endless-abort'))[0]?.['outputTokens'])).toBeGreaterThanOrEqual(50);
  });

  it('R5.2 by leaving the loop', async () => {
    for await (const chunk of await client.chat.completions.create({ ...hello('endless-break'), stream: true })) {
      if (chunk.choices[0]?.delta.content !== '') break;
    }
    await seesItEnd('endless-break');
  });

  it('R5.2 in the middle of a responses stream', async () => {
    for await (const event of await client.responses.create({ model: 'endless-responses', input: 'Hello', stream: true })) {
      if (event.type === 'response.output_text.delta') break;
    }
    await seesItEnd('endless-responses');
  });

  it('R5.2 by abort(), before the provider has answered', async () => {
    const controller = new AbortController();
    const call = failure(client.chat.completions.create(hello('silent-abort'), { signal: controller.signal }));
    await until('the provider has the request', () => requestsFor(world.provider.requests, 'silent-abort').length === 1);
    controller.abort();
    expect(await call).toBeInstanceOf(APIUserAbortError);
    await seesItEnd('silent-abort');
  });

  it('R5.2 by the package\'s own time limit', async () => {
    expect(await failure(client.chat.completions.create(hello('silent-timeout'), { timeout: 1_000 }))).toBeInstanceOf(APIConnectionTimeoutError);
    await seesItEnd('silent-timeout');
  });
});
