import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { apiOf, handOver, makeTenant, type TestTenant } from '../support/api.ts';
import { until } from '../support/outcome.ts';
import { type ProductWithProvider, requestsFor, startProductWithProvider, usageEvents } from '../support/product-with-provider.ts';

const FIRST = 'sk-test-first-key-0001';
const SECOND = 'sk-test-second-key-0002';
const PLATFORM = 'sk-test-platform-key-0003';
const PLATFORM_PATH = '/api/v1/platform/credentials/openai';

let world: ProductWithProvider;
let asked = 0;

beforeAll(async () => {
  world = await startProductWithProvider();
  await world.platform.must('PUT', PLATFORM_PATH, { fields: { api_key: PLATFORM } });
});

afterAll(async () => world.close());

interface Asked {
  readonly status: number;
  readonly message: string;
  readonly source: string | null;
  /** The key that the provider got; null where it was not called. */
  readonly key: string | null;
}

/** One request through the gateway. */
async function ask(gatewayKey: string, headers: Readonly<Record<string, string>> = {}): Promise<Asked> {
  asked += 1;
  const model = `asked-${asked}`;
  const { status, body, headers: answered } = await apiOf(world.product.url, gatewayKey).call('POST', '/v1/chat/completions', { model, messages: [{ role: 'user', content: 'Hello' }] }, headers);
  const message = (body['error'] as { message?: string } | undefined)?.message ?? '';
  return { status, message, source: answered.get('x-keyhold-key-source'), key: requestsFor(world.provider.requests, model)[0]?.key ?? null };
}

function served(source: string, key: string): Partial<Asked> {
  return { status: 200, source, key };
}

/** Refused, and the provider not called: neither with that key nor with the platform's. */
function refused(status: number, words: string): object {
  return { status, key: null, source: null, message: expect.stringContaining(words) as unknown };
}

let tenants = 0;

/** A tenant with a key of its own that has just served, so that whatever is cached is cached. */
async function servedTenant(): Promise<{ readonly tenant: TestTenant; readonly path: string; readonly id: string }> {
  tenants += 1;
  const tenant = await makeTenant(world.product, `tenant-${tenants}`);
  const id = String((await handOver(tenant, 'openai', FIRST)).body['id']);
  expect(await ask(tenant.gatewayKey)).toMatchObject(served('tenant', FIRST));
  return { tenant, path: `/api/v1/tenants/${tenant.id}/credentials/openai`, id };
}

describe('R3.3, R3.7 a tenant\'s key is out of use at the very next request', () => {
  it('R3.7 replaced: the new one serves, under the next version', async () => {
    const { tenant } = await servedTenant();
    for (const [turn, key] of [SECOND, FIRST, SECOND].entries()) {
      const { body } = await handOver(tenant, 'openai', key);
      expect(await ask(tenant.gatewayKey)).toMatchObject(served('tenant', key));
      expect((await usageEvents(tenant))[0]).toMatchObject({ credentialId: body['id'], credentialVersion: turn + 2 });
    }
  });

  it('R3.3 disabled: 424, never the platform\'s; enabled again: the same key', async () => {
    const { tenant, path } = await servedTenant();
    await tenant.admin.must('PATCH', path, { disabled: true });
    expect(await ask(tenant.gatewayKey)).toMatchObject(refused(424, 'is disabled'));
    await tenant.admin.must('PATCH', path, { disabled: false });
    expect(await ask(tenant.gatewayKey)).toMatchObject(served('tenant', FIRST));
  });

  it('R3.3 revoked: 424 for good, never the platform\'s; only a new hand-over serves again, as a new credential', async () => {
    const { tenant, path, id } = await servedTenant();
    await tenant.admin.must('POST', `${path}/revoke`, { reason: 'leaked' });
    expect(await ask(tenant.gatewayKey)).toMatchObject(refused(424, 'was revoked'));
    expect((await tenant.admin.call('POST', `${path}/recover`)).status).toBeGreaterThanOrEqual(400);
    expect((await tenant.admin.call('PATCH', path, { disabled: false })).status).toBeGreaterThanOrEqual(400);
    expect(await ask(tenant.gatewayKey)).toMatchObject(refused(424, 'was revoked'));
    const again = await handOver(tenant, 'openai', SECOND);
    expect([again.status, again.body['id'] === id, again.body['version']]).toEqual([201, false, 2]);
    expect(await ask(tenant.gatewayKey)).toMatchObject(served('tenant', SECOND));
  });

  it('R3.3 deleted: as if there were none, so the platform\'s serves and is named; recovered: its own again', async () => {
    const { tenant, path } = await servedTenant();
    await tenant.admin.must('DELETE', path);
    expect(await ask(tenant.gatewayKey)).toMatchObject(served('platform', PLATFORM));
    await tenant.admin.must('POST', `${path}/recover`);
    expect(await ask(tenant.gatewayKey)).toMatchObject(served('tenant', FIRST));
    await tenant.admin.must('PUT', `/api/v1/tenants/${tenant.id}/policy`, { platformFallback: false });
    await tenant.admin.must('DELETE', path);
    expect(await ask(tenant.gatewayKey)).toMatchObject(refused(424, 'There is no credential'));
    await tenant.admin.must('POST', `${path}/purge`);
    expect(await ask(tenant.gatewayKey)).toMatchObject(refused(424, 'There is no credential'));
    expect((await tenant.admin.call('POST', `${path}/recover`)).status).toBe(404);
  });

  it('R3.3 expired: 424 from the first request after its time, never the platform\'s; a later time brings it back', async () => {
    const { tenant, path } = await servedTenant();
    const expiresAt = Date.now() + 2_000;
    await tenant.admin.must('PATCH', path, { expiresAt: new Date(expiresAt).toISOString() });
    await until('the key has expired', () => Date.now() > expiresAt);
    expect(await ask(tenant.gatewayKey)).toMatchObject(refused(424, 'has expired'));
    await tenant.admin.must('PATCH', path, { expiresAt: null });
    expect(await ask(tenant.gatewayKey)).toMatchObject(served('tenant', FIRST));
  });

  it('R3.3 an unusable key does not stop a request that brings its own', async () => {
    const { tenant, path } = await servedTenant();
    await tenant.admin.must('POST', `${path}/revoke`);
    expect(await ask(tenant.gatewayKey, { 'x-keyhold-api-key': SECOND })).toMatchObject(served('explicit', SECOND));
    expect(await ask(tenant.gatewayKey)).toMatchObject(refused(424, 'was revoked'));
  });

  it('R10.3 the audit log has an intent and an outcome of each step, and no key', async () => {
    const { tenant, path } = await servedTenant();
    await tenant.admin.must('PATCH', path, { disabled: true });
    await tenant.admin.must('DELETE', path);
    await tenant.admin.must('POST', `${path}/recover`);
    await tenant.admin.must('POST', `${path}/revoke`);
    await tenant.admin.call('POST', `${path}/recover`);
    const { body, text } = await tenant.admin.must('GET', `/api/v1/tenants/${tenant.id}/audit?limit=100`);
    const rows = (body['items'] as Record<string, unknown>[]).filter(({ action }) => String(action).startsWith('credential.'));
    expect(rows.map(({ action, phase, outcome }) => `${String(action)} ${String(phase)} ${String(outcome)}`).reverse()).toEqual([
      'credential.put intent null',
      'credential.put outcome ok',
      // The gateway's read from the store, for the first request.
      'credential.fetch intent null',
      'credential.fetch outcome ok',
      'credential.update intent null',
      'credential.update outcome ok',
      'credential.delete intent null',
      'credential.delete outcome ok',
      'credential.recover intent null',
      'credential.recover outcome ok',
      'credential.revoke intent null',
      'credential.revoke outcome ok',
      'credential.recover intent null',
      'credential.recover outcome failed',
    ]);
    for (const outcome of rows.filter(({ phase }) => phase === 'outcome')) {
      expect(rows.filter(({ phase, intentId }) => phase === 'intent' && intentId === outcome['intentId']).length).toBe(1);
    }
    expect(text).not.toContain(FIRST);
  });
});

describe('R3.3 the platform\'s key, under the same rule', () => {
  let tenant: TestTenant;

  beforeAll(async () => {
    tenant = await makeTenant(world.product, 'guest');
  });

  it('R3.3 replaced, disabled, not offered, expired, deleted, revoked', async () => {
    const { platform } = world;
    expect(await ask(tenant.gatewayKey)).toMatchObject(served('platform', PLATFORM));
    await platform.must('PUT', PLATFORM_PATH, { fields: { api_key: SECOND } });
    expect(await ask(tenant.gatewayKey)).toMatchObject(served('platform', SECOND));
    await platform.must('PATCH', PLATFORM_PATH, { disabled: true });
    expect(await ask(tenant.gatewayKey)).toMatchObject(refused(424, 'is disabled'));
    await platform.must('PATCH', PLATFORM_PATH, { disabled: false });
    for (const offerTo of ['none', ['somebody-else']]) {
      await platform.must('PATCH', PLATFORM_PATH, { offerTo });
      expect(await ask(tenant.gatewayKey)).toMatchObject(refused(424, 'There is no credential'));
    }
    await platform.must('PATCH', PLATFORM_PATH, { offerTo: ['guest'] });
    expect(await ask(tenant.gatewayKey)).toMatchObject(served('platform', SECOND));
    const expiresAt = Date.now() + 2_000;
    await platform.must('PATCH', PLATFORM_PATH, { expiresAt: new Date(expiresAt).toISOString() });
    await until('the key has expired', () => Date.now() > expiresAt);
    expect(await ask(tenant.gatewayKey)).toMatchObject(refused(424, 'has expired'));
    await platform.must('PATCH', PLATFORM_PATH, { expiresAt: null });
    await platform.must('DELETE', PLATFORM_PATH);
    expect(await ask(tenant.gatewayKey)).toMatchObject(refused(424, 'There is no credential'));
    await platform.must('POST', `${PLATFORM_PATH}/recover`);
    expect(await ask(tenant.gatewayKey)).toMatchObject(served('platform', SECOND));
    await platform.must('POST', `${PLATFORM_PATH}/revoke`);
    expect(await ask(tenant.gatewayKey)).toMatchObject(refused(424, 'was revoked'));
    await platform.must('PUT', PLATFORM_PATH, { fields: { api_key: PLATFORM } });
    expect(await ask(tenant.gatewayKey)).toMatchObject(served('platform', PLATFORM));
  });

  it('R3.3, R0.4 the tenant\'s policy counts at the next request', async () => {
    const policy = '/api/v1/tenants/guest/policy';
    await tenant.admin.must('PUT', policy, { platformFallback: false });
    expect(await ask(tenant.gatewayKey)).toMatchObject(refused(424, 'There is no credential'));
    await tenant.admin.must('PUT', policy, { platformFallback: true, explicitKeys: false });
    expect(await ask(tenant.gatewayKey)).toMatchObject(served('platform', PLATFORM));
    expect(await ask(tenant.gatewayKey, { 'x-keyhold-api-key': FIRST })).toMatchObject(refused(403, 'policy'));
    await tenant.admin.must('PUT', policy, { explicitKeys: true });
    expect(await ask(tenant.gatewayKey, { 'x-keyhold-api-key': FIRST })).toMatchObject(served('explicit', FIRST));
  });
});

describe('R0.2 whoever asks', () => {
  async function newKey(tenant: TestTenant, choices: Readonly<Record<string, unknown>> = {}): Promise<{ readonly path: string; readonly key: string }> {
    const { body } = await tenant.admin.must('POST', `/api/v1/tenants/${tenant.id}/gateway-keys`, { name: 'another', ...choices });
    const made = { path: `/api/v1/tenants/${tenant.id}/gateway-keys/${String(body['id'])}`, key: String(body['key']) };
    expect(await ask(made.key)).toMatchObject(served('tenant', FIRST));
    return made;
  }

  it('R0.2 a gateway key that was disabled, narrowed, rotated, revoked or has expired', async () => {
    const { tenant } = await servedTenant();
    const { path, key } = await newKey(tenant);
    await tenant.admin.must('PATCH', path, { disabled: true });
    expect(await ask(key)).toMatchObject(refused(401, 'not known here'));
    await tenant.admin.must('PATCH', path, { disabled: false, services: ['groq'] });
    expect(await ask(key)).toMatchObject(refused(403, 'openai'));
    await tenant.admin.must('PATCH', path, { services: null, models: ['gpt-*'] });
    expect(await ask(key)).toMatchObject(refused(403, 'asked-'));
    await tenant.admin.must('PATCH', path, { models: null });
    const rotated = String((await tenant.admin.must('POST', `${path}/rotate`)).body['key']);
    expect(await ask(key)).toMatchObject(refused(401, 'not known here'));
    expect(await ask(rotated)).toMatchObject(served('tenant', FIRST));
    const overlapping = String((await tenant.admin.must('POST', `${path}/rotate`, { overlapSeconds: 60 })).body['key']);
    for (const one of [rotated, overlapping]) expect(await ask(one)).toMatchObject(served('tenant', FIRST));
    await tenant.admin.must('DELETE', path);
    for (const one of [key, rotated, overlapping]) expect(await ask(one)).toMatchObject(refused(401, 'was revoked'));
    expect(await ask(tenant.gatewayKey)).toMatchObject(served('tenant', FIRST));

    const brief = await newKey(tenant);
    const expiresAt = Date.now() + 2_000;
    await tenant.admin.must('PATCH', brief.path, { expiresAt: new Date(expiresAt).toISOString() });
    await until('the gateway key has expired', () => Date.now() > expiresAt);
    expect(await ask(brief.key)).toMatchObject(refused(401, 'has expired'));
  });

  it('R0.2 a tenant\'s token that was revoked', async () => {
    const { tenant } = await servedTenant();
    const { body } = await tenant.admin.must('POST', `/api/v1/tenants/${tenant.id}/tokens`, { name: 'member', role: 'tenant-member' });
    expect(await ask(String(body['token']))).toMatchObject(served('tenant', FIRST));
    await tenant.admin.must('DELETE', `/api/v1/tenants/${tenant.id}/tokens/${String(body['id'])}`);
    expect(await ask(String(body['token']))).toMatchObject(refused(401, 'was revoked'));
  });

  it('R0.2 a tenant that is suspended, active again, and deleted', async () => {
    const { tenant } = await servedTenant();
    const path = `/api/v1/tenants/${tenant.id}`;
    await world.platform.must('PATCH', path, { state: 'suspended' });
    expect(await ask(tenant.gatewayKey)).toMatchObject(refused(403, 'is suspended'));
    expect(await ask(tenant.admin.token, { 'x-keyhold-api-key': SECOND })).toMatchObject(refused(403, 'is suspended'));
    await world.platform.must('PATCH', path, { state: 'active' });
    expect(await ask(tenant.gatewayKey)).toMatchObject(served('tenant', FIRST));
    await world.platform.must('DELETE', path);
    const after = await ask(tenant.gatewayKey);
    expect([after.key, after.status >= 400]).toEqual([null, true]);
  });
});

describe('under traffic', () => {
  it('R3.7 no request that begins after the answer to a change is served with what was before it', async () => {
    const { tenant, path } = await servedTenant();
    /** One after the other; null: revoked, so refused with 424. */
    const keys = [FIRST, ...Array.from({ length: 8 }, (_, turn) => `sk-test-turn-${turn}-key`), null];
    /** How far the changes have begun, and how far they were answered. */
    const progress = { begun: 0, answered: 0 };
    const traffic = { goesOn: true, count: 0 };
    const wrong: unknown[] = [];
    const workers = Array.from({ length: 8 }, async () => {
      while (traffic.goesOn) {
        const { answered } = progress;
        const { status, key } = await ask(tenant.gatewayKey);
        traffic.count += 1;
        const place = keys.indexOf(key);
        if (status !== (key === null ? 424 : 200) || place < answered || place > progress.begun) wrong.push({ status, key, place, answered, begun: progress.begun });
      }
    });
    for (const key of keys.slice(1)) {
      const enough = traffic.count + 16;
      await until('some traffic', () => traffic.count >= enough);
      progress.begun += 1;
      await (key === null ? tenant.admin.must('POST', `${path}/revoke`) : handOver(tenant, 'openai', key));
      progress.answered += 1;
    }
    const enough = traffic.count + 16;
    await until('some traffic', () => traffic.count >= enough);
    traffic.goesOn = false;
    await Promise.all(workers);
    expect(wrong).toEqual([]);
  });
});
