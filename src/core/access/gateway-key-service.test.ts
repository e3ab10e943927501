import { describe, expect, it } from 'vitest';
import { type AccessWorld, createAccessWorld, platformAdmin, tenantActor } from '../../../test/support/access-world.ts';
import { tenantScope } from '../../ports/scope.ts';
import type { Action } from './actions.ts';
import type { Actor } from './actor.ts';
import type { GatewayKeyChange, NewGatewayKey } from './gateway-key-service.ts';
import type { Grant } from './grant.ts';

const acme = tenantScope('acme');
const admin = tenantActor('tenant-admin');
const DAY = 86_400_000;

async function world() {
  const made = createAccessWorld();
  await made.addTenant('acme');
  await made.addTenant('other');
  return made;
}

function as<T>(made: AccessWorld, action: Action, id: string | undefined, operation: (grant: Grant) => Promise<T>, actor: Actor = admin): Promise<T> {
  const scope = actor.scope.kind === 'tenant' ? actor.scope : acme;
  return made.perform(actor, action, id === undefined ? { scope } : { scope, id }, operation);
}

function create(made: AccessWorld, input: Partial<NewGatewayKey> = {}, actor: Actor = admin) {
  return as(made, 'gateway-key.create', undefined, (grant) => made.gatewayKeyService.create(grant, { name: 'app', ...input }), actor);
}

const update = (made: AccessWorld, id: string, change: GatewayKeyChange) => as(made, 'gateway-key.update', id, (grant) => made.gatewayKeyService.update(grant, change));
const rotate = (made: AccessWorld, id: string, overlapSeconds?: number) => as(made, 'gateway-key.rotate', id, (grant) => made.gatewayKeyService.rotate(grant, { overlapSeconds }));
const revoke = (made: AccessWorld, id: string) => as(made, 'gateway-key.revoke', id, (grant) => made.gatewayKeyService.revoke(grant));
const get = (made: AccessWorld, id: string, actor: Actor = admin) => as(made, 'gateway-key.read', id, (grant) => made.gatewayKeyService.get(grant), actor);
const signIn = (made: AccessWorld, text: { reveal(): string } | null) => made.principals.authenticate(text?.reveal() ?? '', ['g']);

describe('making gateway keys (R0.2, S2)', () => {
  it('gives the text once, which signs in as a gateway key of the tenant', async () => {
    const made = await world();
    const { gatewayKey, text } = await create(made);
    expect(gatewayKey).toEqual({
      id: gatewayKey.id, name: 'app', hint: text?.reveal().slice(-4), services: null, models: null, routes: null, defaultProvider: null, tags: {}, owner: null, networks: null, limits: null, budget: [], disabled: false,
      createdAt: made.clock.now(), createdBy: admin.id, expiresAt: null, revokedAt: null, previousValidUntil: null, etag: '1',
    });
    expect((await signIn(made, text))?.actor).toEqual({ kind: 'gateway-key', id: gatewayKey.id, role: 'gateway-key', scope: acme });
    const stored = JSON.stringify(await made.store.gatewayKeys.get({ id: gatewayKey.id }));
    expect(stored).not.toContain(text?.reveal().slice(22) ?? 'none');
  });

  it('S34: no more than 1,000 that are not revoked', async () => {
    const made = await world();
    const { gatewayKey } = await create(made);
    const { record } = (await made.store.gatewayKeys.get({ id: gatewayKey.id }))!;
    for (let count = 1; count < 1_000; count += 1) await made.store.gatewayKeys.create({ id: `k${count}` }, { ...record, id: `k${count}`, revokedAt: null });
    for (let count = 0; count < 5; count += 1) await made.store.gatewayKeys.create({ id: `r${count}` }, { ...record, id: `r${count}`, revokedAt: 1 });
    await expect(create(made)).rejects.toMatchObject({ code: 'conflict', message: expect.stringContaining('1000 gateway keys') });
    await revoke(made, gatewayKey.id);
    expect((await create(made)).text).not.toBeNull();
  });

  it('keeps every restriction', async () => {
    const made = await world();
    const input = { services: ['openai', 'stripe'], models: ['gpt-*'], routes: ['chat/completions'], defaultProvider: 'openai', tags: { team: 'blue 💙' }, expiresAt: made.clock.now() + DAY };
    const { gatewayKey } = await create(made, input);
    expect(gatewayKey).toMatchObject(input);
    expect(await get(made, gatewayKey.id)).toEqual(gatewayKey);
  });

  it.each<[string, Partial<NewGatewayKey>]>([
    ['an unknown service', { services: ['nosuch'] }],
    ['a service named like a property of every object', { services: ['constructor'] }],
    ['no service at all', { services: [] }],
    ['too many services', { services: Array.from({ length: 101 }, () => 'openai') }],
    ['no model at all', { models: [] }],
    ['too many models', { models: Array.from({ length: 101 }, (_, index) => `m${index}`) }],
    ['an empty model', { models: [''] }],
    ['a model with a space', { models: ['gpt 4'] }],
    ['a regular expression for a model', { models: ['gpt-[34]'] }],
    ['a model that is too long', { models: ['x'.repeat(201)] }],
    ['an unknown route', { routes: ['files'] }],
    ['no route at all', { routes: [] }],
    ['an unknown default provider', { defaultProvider: 'nosuch' }],
    ['a default provider that is no AI service', { defaultProvider: 'stripe', services: ['stripe'] }],
    ['a default provider that the key may not use', { defaultProvider: 'openai', services: ['anthropic'] }],
    ['too many tags', { tags: Object.fromEntries(Array.from({ length: 16 }, (_, index) => [`t${index}`, ''])) }],
    ['a tag without a name', { tags: { '': 'x' } }],
    ['a tag whose name is too long', { tags: { ['x'.repeat(65)]: 'x' } }],
    ['a tag whose value is too long', { tags: { x: 'x'.repeat(257) } }],
    ['a tag with a line end', { tags: { x: 'a\nb' } }],
    ['a past expiry', { expiresAt: 1 }],
    ['a name with a control character', { name: 'a\u0007' }],
  ])('refuses %s', async (_, input) => {
    const made = await world();
    await expect(create(made, input)).rejects.toMatchObject({ code: 'invalid_argument' });
    expect((await made.store.gatewayKeys.list('acme', { limit: 10 })).items).toEqual([]);
  });

  it('keeps a tag named __proto__ as a tag', async () => {
    const made = await world();
    const tags: Record<string, string> = JSON.parse('{"__proto__":"x"}');
    const { gatewayKey } = await create(made, { tags });
    expect(Object.entries((await get(made, gatewayKey.id)).tags)).toEqual([['__proto__', 'x']]);
  });

  it('S27: a repeat gives the same key without its text', async () => {
    const made = await world();
    const request = () => made.idempotency.request({ actor: admin, tenant: 'acme', method: 'POST', path: '/gateway-keys', key: 'k', body: '{}' });
    const twice = await Promise.all([0, 1].map(() => as(made, 'gateway-key.create', undefined, (grant) => made.gatewayKeyService.create(grant, { name: 'app' }, request()))));
    expect(twice[0]?.gatewayKey).toEqual(twice[1]?.gatewayKey);
    expect(twice.filter(({ text }) => text !== null)).toHaveLength(1);
  });
});

describe('CVE-2026-47101 (user-set allowed routes)', () => {
  it('only a tenant-admin decides what a gateway key reaches: not a member, not the key itself, not the platform', async () => {
    const made = await world();
    const { gatewayKey } = await create(made, { routes: ['chat/completions'] });
    const key: Actor = { kind: 'gateway-key', id: gatewayKey.id, role: 'gateway-key', scope: acme };
    for (const actor of [tenantActor('tenant-member'), tenantActor('tenant-auditor'), key, platformAdmin]) {
      await expect(create(made, { routes: ['embeddings'] }, actor)).rejects.toMatchObject({ code: 'permission_denied' });
      const change = as(made, 'gateway-key.update', gatewayKey.id, (grant) => made.gatewayKeyService.update(grant, { routes: null }), actor);
      await expect(change).rejects.toMatchObject({ code: 'permission_denied' });
    }
    expect((await get(made, gatewayKey.id)).routes).toEqual(['chat/completions']);
  });
});

describe('changing gateway keys (R0.2)', () => {
  it('changes what is named, leaves the rest, and null goes back to the default', async () => {
    const made = await world();
    const { gatewayKey } = await create(made, { models: ['gpt-*'], tags: { a: '1' }, expiresAt: made.clock.now() + DAY });
    expect(await update(made, gatewayKey.id, { name: 'renamed', services: ['openai'] })).toMatchObject({ name: 'renamed', services: ['openai'], models: ['gpt-*'], tags: { a: '1' }, etag: '2' });
    expect(await update(made, gatewayKey.id, { models: null, tags: null, services: null, expiresAt: null })).toMatchObject({ models: null, tags: {}, services: null, expiresAt: null });
  });

  it('is used by the next request, since it is announced', async () => {
    const made = await world();
    const { gatewayKey, text } = await create(made);
    expect((await signIn(made, text))?.gatewayKey?.services).toBeNull();
    await update(made, gatewayKey.id, { services: ['stripe'] });
    expect((await signIn(made, text))?.gatewayKey?.services).toEqual(['stripe']);
    await update(made, gatewayKey.id, { disabled: true });
    expect(await signIn(made, text)).toBeUndefined();
    await update(made, gatewayKey.id, { disabled: false });
    expect(await signIn(made, text)).toBeDefined();
  });

  it('refuses a stale If-Match, and services without the default provider', async () => {
    const made = await world();
    const { gatewayKey } = await create(made, { defaultProvider: 'openai' });
    await update(made, gatewayKey.id, { name: 'x', ifMatch: ['1'] });
    await expect(update(made, gatewayKey.id, { name: 'y', ifMatch: ['1'] })).rejects.toMatchObject({ code: 'precondition_failed' });
    await expect(update(made, gatewayKey.id, { services: ['anthropic'] })).rejects.toMatchObject({ code: 'invalid_argument' });
    expect(await get(made, gatewayKey.id)).toMatchObject({ name: 'x', services: null });
  });

  it('R10.2: a key of another tenant looks as if it did not exist', async () => {
    const made = await world();
    const { gatewayKey } = await create(made, {}, tenantActor('tenant-admin', 'other'));
    const missing = await get(made, 'doesnotexist0000').catch((error: unknown) => error);
    expect(missing).toMatchObject({ code: 'not_found' });
    for (const attempt of [get(made, gatewayKey.id), update(made, gatewayKey.id, { ifMatch: ['9'], name: 'x' }), rotate(made, gatewayKey.id), revoke(made, gatewayKey.id)]) {
      expect(await attempt.catch((error: unknown) => error)).toEqual(missing);
    }
    const listed = await as(made, 'gateway-key.read', undefined, (grant) => made.gatewayKeyService.list(grant, { limit: 10 }));
    expect(listed.items).toEqual([]);
  });
});

describe('rotation (R0.2, S22)', () => {
  it('without an overlap the old text ends at once', async () => {
    const made = await world();
    const { gatewayKey, text } = await create(made);
    await signIn(made, text);
    const rotated = await rotate(made, gatewayKey.id);
    expect(rotated.gatewayKey).toMatchObject({ id: gatewayKey.id, hint: rotated.text.reveal().slice(-4), previousValidUntil: null, etag: '2' });
    expect(await signIn(made, text)).toBeUndefined();
    expect(await signIn(made, rotated.text)).toBeDefined();
  });

  it('with an overlap both work until it is over; a still older text ends at once', async () => {
    const made = await world();
    const { gatewayKey, text: first } = await create(made);
    const second = await rotate(made, gatewayKey.id, 3_600);
    expect(second.gatewayKey.previousValidUntil).toBe(made.clock.now() + 3_600_000);
    expect(await signIn(made, first)).toBeDefined();
    const third = await rotate(made, gatewayKey.id, 3_600);
    expect(await signIn(made, first)).toBeUndefined();
    expect(await signIn(made, second.text)).toBeDefined();
    expect(await signIn(made, third.text)).toBeDefined();
    made.advance(3_600_000);
    expect(await signIn(made, second.text)).toBeUndefined();
    expect(await signIn(made, third.text)).toBeDefined();
    expect((await get(made, gatewayKey.id)).previousValidUntil).toBeNull();
    expect((await made.store.gatewayKeys.get({ id: gatewayKey.id }))?.record.digests).toHaveLength(2);
  });

  it.each([-1, 1.5, 604_801, Number.NaN])('refuses the overlap %d', async (overlapSeconds) => {
    const made = await world();
    const { gatewayKey } = await create(made);
    await expect(rotate(made, gatewayKey.id, overlapSeconds)).rejects.toMatchObject({ code: 'invalid_argument' });
    expect((await get(made, gatewayKey.id)).etag).toBe('1');
  });
});

describe('revocation (S10)', () => {
  it('is for good: the key is unknown at once and can be neither changed nor rotated; revoking again changes nothing', async () => {
    const made = await world();
    const { gatewayKey, text } = await create(made);
    expect(await signIn(made, text)).toBeDefined();
    const revoked = await revoke(made, gatewayKey.id);
    expect(revoked.revokedAt).toBe(made.clock.now());
    expect(await signIn(made, text)).toBeUndefined();
    await expect(update(made, gatewayKey.id, { disabled: false })).rejects.toMatchObject({ code: 'conflict' });
    await expect(rotate(made, gatewayKey.id)).rejects.toMatchObject({ code: 'conflict' });
    made.advance(1_000);
    expect(await revoke(made, gatewayKey.id)).toEqual(revoked);
    expect(await get(made, gatewayKey.id)).toEqual(revoked);
  });

  it('wins over a rotation at the same moment, whichever is written first', async () => {
    const made = await world();
    const { gatewayKey, text } = await create(made);
    const [, rotation] = await Promise.allSettled([revoke(made, gatewayKey.id), rotate(made, gatewayKey.id, 60)]);
    expect(await signIn(made, text)).toBeUndefined();
    if (rotation.status === 'fulfilled') expect(await signIn(made, rotation.value.text)).toBeUndefined();
    expect((await get(made, gatewayKey.id)).revokedAt).not.toBeNull();
  });
});
