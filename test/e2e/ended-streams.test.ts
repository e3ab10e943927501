import { APIConnectionError, APIError } from 'openai';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { handOver, makeTenant, type TestTenant } from '../support/api.ts';
import { hello, openAi } from '../support/openai-sdk.ts';
import { until } from '../support/outcome.ts';
import { type ProductWithProvider, requestFor, startProductWithProvider, usageEvent } from '../support/product-with-provider.ts';

let world: ProductWithProvider;
let tenants = 0;
let acme: TestTenant;

beforeAll(async () => {
  world = await startProductWithProvider();
});

afterAll(async () => world.close());

beforeEach(async () => {
  tenants += 1;
  acme = await makeTenant(world.product, `acme-${tenants}`);
  await handOver(acme, 'openai', `test-own-key-of-tenant-${tenants}`);
});

/** Runs a stream without end, and `change` once it has begun; gives how the SDK's reader ended. */
async function endedBy(model: string, change: () => Promise<unknown>): Promise<unknown> {
  const stream = await openAi(world.product, acme.gatewayKey).chat.completions.create({ ...hello(model), stream: true });
  let chunks = 0;
  try {
    for await (const _ of stream) {
      chunks += 1;
      if (chunks === 3) await change();
    }
  } catch (error) {
    return error;
  }
  throw new Error('The SDK took the stream for finished.');
}

describe('S10 what is under way ends when it may not go on', () => {
  const changes: readonly (readonly [string, RegExp, () => Promise<unknown>])[] = [
    ['its credential is revoked', /taken out of use/, () => acme.admin.must('POST', `/api/v1/tenants/${acme.id}/credentials/openai/revoke`)],
    ['its credential is disabled', /taken out of use/, () => acme.admin.must('PATCH', `/api/v1/tenants/${acme.id}/credentials/openai`, { disabled: true })],
    ['its credential is deleted', /taken out of use/, () => acme.admin.must('DELETE', `/api/v1/tenants/${acme.id}/credentials/openai`)],
    ['its gateway key is revoked', /has ended/, () => acme.admin.must('DELETE', `/api/v1/tenants/${acme.id}/gateway-keys/${acme.gatewayKeyId}`)],
    ['its tenant is suspended', /suspended/, () => world.platform.must('PATCH', `/api/v1/tenants/${acme.id}`, { state: 'suspended' })],
  ];

  it.each(changes)('when %s: told in the stream, stopped upstream, and accounted', async (name, message, change) => {
    const model = `endless-${name.replaceAll(' ', '-')}`;
    const error = await endedBy(model, change);
    expect(error).toBeInstanceOf(APIError);
    expect(error).not.toBeInstanceOf(APIConnectionError);
    expect(String(error)).toMatch(message);
    await until('the provider was left', () => Promise.resolve(requestFor(world.provider, model).aborted));
    if (!name.includes('tenant')) expect(await usageEvent(acme, model)).toMatchObject({ outcome: 'aborted', estimated: true });
  });

  it('and goes on when its key is merely replaced', async () => {
    const stream = await openAi(world.product, acme.gatewayKey).chat.completions.create({ ...hello('slow-replaced'), stream: true });
    let finish: string | null | undefined;
    let chunks = 0;
    for await (const chunk of stream) {
      chunks += 1;
      if (chunks === 2) await handOver(acme, 'openai', `test-replaced-key-of-tenant-${tenants}`);
      finish = chunk.choices[0]?.finish_reason ?? finish;
    }
    expect(finish).toBe('stop');
  });
});
