import { describe, expect, it } from 'vitest';
import { type AccessWorld, createAccessWorld, platformAdmin } from '../../../test/support/access-world.ts';
import { platformScope, tenantScope } from '../../ports/scope.ts';
import type { NewTenant, TenantChange } from './tenant-service.ts';

const DAY = 86_400_000;

function create(made: AccessWorld, input: NewTenant, key?: string) {
  const request = key === undefined ? undefined : made.idempotency.request({ actor: platformAdmin, tenant: null, method: 'POST', path: '/tenants', key, body: JSON.stringify(input) });
  return made.perform(platformAdmin, 'tenant.create', { scope: platformScope }, (grant) => made.tenantService.create(grant, input, request));
}

const get = (made: AccessWorld, tenant: string) => made.perform(platformAdmin, 'tenant.read', { scope: tenantScope(tenant) }, (grant) => made.tenantService.get(grant));
const update = (made: AccessWorld, tenant: string, change: TenantChange) =>
  made.perform(platformAdmin, 'tenant.update', { scope: tenantScope(tenant) }, (grant) => made.tenantService.update(grant, change));
const remove = (made: AccessWorld, tenant: string, ifMatch?: readonly string[]) =>
  made.perform(platformAdmin, 'tenant.delete', { scope: tenantScope(tenant) }, (grant) => made.tenantService.remove(grant, { ifMatch }));
const finish = (made: AccessWorld, tenant: string) =>
  made.perform(platformAdmin, 'tenant.delete', { scope: tenantScope(tenant) }, (grant) => made.tenantService.finishRemoval(grant));
const list = (made: AccessWorld) => made.perform(platformAdmin, 'tenant.list', { scope: platformScope }, (grant) => made.tenantService.list(grant, { limit: 100 }));

describe('making tenants (R0.2)', () => {
  it('takes the given id and shows the tenant', async () => {
    const made = createAccessWorld();
    const tenant = await create(made, { id: 'acme', name: 'Acme 🏭' });
    expect(tenant).toEqual({ id: 'acme', name: 'Acme 🏭', state: 'active', createdAt: made.clock.now(), createdBy: platformAdmin.id, etag: '1' });
    expect(await get(made, 'acme')).toEqual(tenant);
    expect((await list(made)).items).toEqual([tenant]);
  });

  it('makes an id where none is given', async () => {
    const made = createAccessWorld();
    const [one, two] = [await create(made, { name: 'a' }), await create(made, { name: 'b' })];
    expect(one.id).toMatch(/^t[0-9a-z]{16}$/);
    expect(two.id).not.toBe(one.id);
  });

  it.each(['a', '0', 'a.b_c-d', 'test-tenant-001', 'x'.repeat(63), 'platform', 'constructor'])('takes the id %s', async (id) => {
    expect((await create(createAccessWorld(), { id, name: 'x' })).id).toBe(id);
  });

  it.each(['', 'A', '.a', '-a', '_a', 'a b', 'a/b', 'a:b', 'ä', 'a\n', 'x'.repeat(64)])('refuses the id %j', async (id) => {
    const made = createAccessWorld();
    await expect(create(made, { id, name: 'x' })).rejects.toMatchObject({ code: 'invalid_argument' });
    expect((await list(made)).items).toEqual([]);
  });

  it('of many at the same moment one makes it', async () => {
    const made = createAccessWorld();
    const results = await Promise.allSettled(Array.from({ length: 5 }, (_, index) => create(made, { id: 'acme', name: `n${index}` })));
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const result of results) if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'already_exists' });
  });

  it('can be used at once, although it was looked up in vain before', async () => {
    const made = createAccessWorld();
    await expect(get(made, 'acme')).rejects.toMatchObject({ code: 'not_found' });
    await create(made, { id: 'acme', name: 'x' });
    expect(await get(made, 'acme')).toMatchObject({ id: 'acme' });
  });

  it.each([undefined, 'acme'])('S27: a repeat gives the same tenant (id %s)', async (id) => {
    const made = createAccessWorld();
    const first = await create(made, { id, name: 'x' }, 'k1');
    expect(await create(made, { id, name: 'x' }, 'k1')).toEqual(first);
    expect((await list(made)).items).toHaveLength(1);
    made.advance(DAY);
    await expect(create(made, { id, name: 'x' }, 'k1')).rejects.toMatchObject({ code: 'conflict' });
  });

  it('S27: the key with another body is a conflict; another key for a taken id is not a repeat', async () => {
    const made = createAccessWorld();
    await create(made, { name: 'x' }, 'k1');
    await expect(create(made, { name: 'y' }, 'k1')).rejects.toMatchObject({ code: 'conflict' });
    await create(made, { id: 'acme', name: 'x' }, 'k2');
    await expect(create(made, { id: 'acme', name: 'x' }, 'k3')).rejects.toMatchObject({ code: 'already_exists' });
    await expect(create(made, { id: 'acme', name: 'x' })).rejects.toMatchObject({ code: 'already_exists' });
  });
});

describe('changing tenants (R0.2)', () => {
  it('renames, suspends and makes active again', async () => {
    const made = createAccessWorld();
    await create(made, { id: 'acme', name: 'x' });
    expect(await update(made, 'acme', { name: 'y' })).toMatchObject({ name: 'y', state: 'active', etag: '2' });
    expect(await update(made, 'acme', { state: 'suspended' })).toMatchObject({ name: 'y', state: 'suspended' });
    expect(await update(made, 'acme', { state: 'active', ifMatch: ['3'] })).toMatchObject({ state: 'active', etag: '4' });
    await expect(update(made, 'acme', { name: 'z', ifMatch: ['3'] })).rejects.toMatchObject({ code: 'precondition_failed' });
  });

  it.each(['deleting', 'deleted', 'frozen', ''])('refuses the state %j', async (state) => {
    const made = createAccessWorld();
    await create(made, { id: 'acme', name: 'x' });
    await expect(update(made, 'acme', { state })).rejects.toMatchObject({ code: 'invalid_argument' });
  });
});

describe('removing tenants (R0.2, S10)', () => {
  it('begins at once, is announced, and beginning again changes nothing', async () => {
    const made = createAccessWorld();
    await create(made, { id: 'acme', name: 'x' });
    const removing = await remove(made, 'acme');
    expect(removing).toMatchObject({ state: 'deleting', etag: '2' });
    expect(made.published.at(-1)).toEqual({ topic: 'tenant', tenant: 'acme', version: 2 });
    expect(await remove(made, 'acme')).toEqual(removing);
    expect(await get(made, 'acme')).toEqual(removing);
  });

  it('cannot be undone', async () => {
    const made = createAccessWorld();
    await create(made, { id: 'acme', name: 'x' });
    await remove(made, 'acme');
    await expect(update(made, 'acme', { state: 'active' })).rejects.toMatchObject({ code: 'conflict' });
  });

  it('is refused with a stale If-Match', async () => {
    const made = createAccessWorld();
    await create(made, { id: 'acme', name: 'x' });
    await expect(remove(made, 'acme', ['7'])).rejects.toMatchObject({ code: 'precondition_failed' });
    expect((await get(made, 'acme')).state).toBe('active');
  });

  it('leaves a tombstone: the id is never used again, and the tenant looks as if it had never been', async () => {
    const made = createAccessWorld();
    await create(made, { id: 'acme', name: 'x' }, 'k1');
    await remove(made, 'acme');
    await expect(create(made, { id: 'acme', name: 'y' })).rejects.toMatchObject({ code: 'already_exists', message: expect.stringContaining('never used again') });
    await finish(made, 'acme');
    for (const again of [() => create(made, { id: 'acme', name: 'y' }), () => create(made, { id: 'acme', name: 'x' }, 'k1')]) {
      await expect(again()).rejects.toMatchObject({ code: 'already_exists', message: expect.stringContaining('never used again') });
    }
    expect((await list(made)).items).toEqual([]);
    const gone = await get(made, 'acme').catch((error: unknown) => String(error).replaceAll('acme', '…'));
    expect(gone).toBe(await get(made, 'nosuch').catch((error: unknown) => String(error).replaceAll('nosuch', '…')));
    expect((await made.store.tenants.get({ tenant: 'acme' }))?.record).toMatchObject({ state: 'deleted', name: '', deletedAt: made.clock.now() });
  });

  it('ends only what is being removed', async () => {
    const made = createAccessWorld();
    await create(made, { id: 'acme', name: 'x' });
    await expect(finish(made, 'acme')).rejects.toMatchObject({ code: 'conflict' });
  });
});
