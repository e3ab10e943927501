import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import {
  APIError,
  AuthenticationError,
  BadRequestError,
  ConflictError,
  InternalServerError,
  NotFoundError,
  type OpenAI,
  PermissionDeniedError,
  RateLimitError,
  UnprocessableEntityError,
} from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { handOver, makeTenant, type TestTenant } from '../support/api.ts';
import { hello, openAi } from '../support/openai-sdk.ts';
import { failure } from '../support/outcome.ts';
import { type ProductWithProvider, requestFor, requestsFor, startProductWithProvider, usageEvents } from '../support/product-with-provider.ts';

const OWN_KEY = 'sk-test-own-openai-key-0001';

let world: ProductWithProvider;
let acme: TestTenant;
let credentialId: string;
let client: OpenAI;

beforeAll(async () => {
  world = await startProductWithProvider();
  acme = await makeTenant(world.product, 'acme');
  credentialId = String((await handOver(acme, 'openai', OWN_KEY)).body['id']);
  client = openAi(world.product, acme.gatewayKey);
});

afterAll(async () => world.close());

describe('R0.3 errors are the package\'s own classes', () => {
  it('R0.3 a wrong gateway key, and a provider\'s key in its place', async () => {
    const wrong = `${acme.gatewayKey.slice(0, -1)}${acme.gatewayKey.endsWith('0') ? '1' : '0'}`;
    for (const apiKey of [wrong, 'sk-test-a-provider-key']) {
      const error = await failure(openAi(world.product, apiKey).chat.completions.create(hello('not-authenticated')));
      expect(error).toBeInstanceOf(AuthenticationError);
      expect(error).toMatchObject({ status: 401, code: 'unauthenticated', type: 'authentication_error' });
      expect((error as AuthenticationError).requestID).toMatch(/^[\w.-]+$/);
      expect(String(error)).not.toContain(apiKey);
    }
    const platform = await failure(openAi(world.product, world.platform.token).chat.completions.create(hello('not-authenticated')));
    expect(platform).toBeInstanceOf(PermissionDeniedError);
    expect(requestsFor(world.provider.requests, 'not-authenticated')).toEqual([]);
  });

  it('S22 a tenant\'s own token serves as well as a gateway key', async () => {
    await openAi(world.product, acme.admin.token).chat.completions.create(hello('by-token'));
    expect((await usageEvents(acme, 'by-token'))[0]).toMatchObject({ gatewayKeyId: null, tokenId: expect.any(String) as unknown });
  });

  it('R0.2 a gateway key reaches what it was made for, and no more', async () => {
    const { body } = await acme.admin.must('POST', '/api/v1/tenants/acme/gateway-keys', { name: 'narrow', services: ['openai'], models: ['gpt-4o*'] });
    const narrow = openAi(world.product, String(body['key']));
    await narrow.chat.completions.create(hello('gpt-4o-allowed'));
    for (const model of ['o3-not-allowed', 'groq/gpt-4o-elsewhere']) expect(await failure(narrow.chat.completions.create(hello(model)))).toBeInstanceOf(PermissionDeniedError);
    expect(requestsFor(world.provider.requests, 'o3-not-allowed')).toEqual([]);
  });

  it.each([
    [400, BadRequestError],
    [404, NotFoundError],
    [409, ConflictError],
    [422, UnprocessableEntityError],
    [429, RateLimitError],
    [500, InternalServerError],
    [503, InternalServerError],
  ])('R0.3 the provider\'s own %i passes as it is', async (status, kind) => {
    const model = `error-${status}-passes`;
    const error = await failure(client.chat.completions.create(hello(model)));
    expect(error).toBeInstanceOf(kind);
    expect(error).toMatchObject({ status, message: `${status} The local provider was asked for ${status}` });
    const { headers } = error as { headers: Headers };
    expect([headers.get('x-keyhold-error-origin'), headers.get('x-keyhold-upstream-request-id')]).toEqual(['upstream', 'req-local-1']);
    expect(headers.get('retry-after')).toBe(status === 429 || status === 503 ? '1' : null);
    expect((await usageEvents(acme, model))[0]).toMatchObject({ outcome: 'failed', status, inputTokens: 0, outputTokens: 0, estimated: false });
  });

  it.each([
    [401, AuthenticationError],
    [403, PermissionDeniedError],
  ])('R0.3, S1 a provider\'s %i keeps its status, in our words', async (status, kind) => {
    const error = await failure(client.chat.completions.create(hello(`error-${status}-rewritten`)));
    expect(error).toBeInstanceOf(kind);
    expect(error).toMatchObject({ status, message: `${status} openai refused the tenant's key (credential ${credentialId}).` });
    expect((error as { headers: Headers }).headers.get('x-keyhold-error-origin')).toBe('upstream');
  });

  it('R10.1 a provider that quotes the refused key does not get it through', async () => {
    const careless = await makeTenant(world.product, 'careless');
    await handOver(careless, 'openai', 'sk-test-refused-key-0007');
    world.provider.keys = new Set([OWN_KEY]);
    const error = await failure(openAi(world.product, careless.gatewayKey).chat.completions.create(hello('refused-key')));
    world.provider.keys = null;
    expect(error).toBeInstanceOf(AuthenticationError);
    expect(requestFor(world.provider, 'refused-key').key).toBe('sk-test-refused-key-0007');
    expect(JSON.stringify(error) + String(error)).not.toContain('sk-test-refused-key-0007');
    const quoted = await failure(openAi(world.product, careless.gatewayKey).chat.completions.create(hello('quotes-key-in-400')));
    expect(quoted).toBeInstanceOf(APIError);
    expect(JSON.stringify(quoted) + String(quoted)).not.toContain('sk-test-refused-key-0007');
    expect(world.product.output()).not.toContain('sk-test-refused-key-0007');
  });

  it('S7 a redirect is never followed, a compressed answer never taken', async () => {
    for (const model of ['redirect-elsewhere', 'gzip-unasked']) {
      expect(await failure(client.chat.completions.create(hello(model)))).toMatchObject({ status: 502, code: 'upstream_failed' });
    }
  });

  it('R0.3 bodies that are wrong, or too large, are refused before a provider hears of them', async () => {
    const before = world.provider.requests.length;
    const twice = await failure(client.post('/chat/completions', { body: Buffer.from('{"model":"a","model":"b","messages":[]}'), headers: { 'content-type': 'application/json' } }));
    expect(twice).toBeInstanceOf(BadRequestError);
    expect(twice).toMatchObject({ code: 'invalid_argument' });
    const huge = await failure(client.chat.completions.create({ model: 'too-large', messages: [{ role: 'user', content: 'x'.repeat(33 * 1024 * 1024) }] }));
    expect(huge).toMatchObject({ status: 413, code: 'payload_too_large' });
    expect(world.provider.requests.length).toBe(before);
  });

  it('R5.3 a retry of the package is an attempt of its own, and each is accounted for', async () => {
    const error = await failure(openAi(world.product, acme.gatewayKey, { maxRetries: 1 }).chat.completions.create(hello('error-503-retried')));
    expect(error).toBeInstanceOf(InternalServerError);
    expect(requestsFor(world.provider.requests, 'error-503-retried').length).toBe(2);
    expect((await usageEvents(acme, 'error-503-retried')).length).toBe(2);
  });

  it('R0.3, R3.3 a value that is gone is 500 corrupt and says x-should-retry: false, so the package asks once', async () => {
    const lost = await makeTenant(world.product, 'lost');
    await handOver(lost, 'openai', 'sk-test-lost-key-0008');
    const database = new DatabaseSync(join(world.product.dataDir, 'data', 'keyhold.db'), { timeout: 10_000 });
    const { changes } = database.prepare("DELETE FROM sealed_values WHERE scope LIKE '%lost%'").run();
    database.close();
    expect(Number(changes)).toBeGreaterThan(0);
    let calls = 0;
    const counting = openAi(world.product, lost.gatewayKey, { maxRetries: 2, fetch: async (url, init) => ((calls += 1), fetch(url, init)) });
    const error = await failure(counting.chat.completions.create(hello('value-gone')));
    expect(error).toBeInstanceOf(InternalServerError);
    expect(error).toMatchObject({ status: 500, code: 'corrupt' });
    expect(calls).toBe(1);
  });
});

it('R0.3 more than 20 unknown keys a minute from one address: RateLimitError, with a time to wait; known ones are served', async () => {
  const errors: unknown[] = [];
  for (let at = 0; at < 25; at += 1) errors.push(await failure(openAi(world.product, acme.gatewayKey, { apiKey: `test-unknown-key-${at}` }).models.list()));
  const last = errors.at(-1);
  expect(last).toBeInstanceOf(RateLimitError);
  expect(Number((last as RateLimitError).headers.get('retry-after'))).toBeGreaterThan(0);
  expect(errors[0]).toBeInstanceOf(AuthenticationError);
  await client.models.list();
  await acme.admin.must('GET', '/api/v1/me');
});
