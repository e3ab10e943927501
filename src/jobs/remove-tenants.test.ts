import { describe, expect, it } from 'vitest';
import { createAccessWorld, platformAdmin, tenantActor } from '../../test/support/access-world.ts';
import type { Grant } from '../core/access/grant.ts';
import { KeyholdError } from '../ports/errors.ts';
import { tenantScope } from '../ports/scope.ts';
import { RemoveTenants } from './remove-tenants.ts';

const acme = tenantScope('acme');
const admin = tenantActor('tenant-admin');

async function world() {
  const made = createAccessWorld();
  for (const tenant of ['acme', 'other']) await made.addTenant(tenant);
  const asked: string[] = [];
  const purge = { asked, answer: async (_tenant: string): Promise<boolean> => true };
  const credentials = {
    purgeAll: (tenant: string) => {
      asked.push(tenant);
      return purge.answer(tenant);
    },
  };
  const shredded: string[] = [];
  const shredding = {
    finish: async (grant: Grant) => {
      const { scope } = grant.use('tenant.shred');
      const tenant = scope.kind === 'tenant' ? scope.tenant : '';
      shredded.push(tenant);
      return { tenant, startedAt: 0, requestedBy: grant.actor.id, keys: [], certificate: 'certificate' };
    },
  };
  const ownVaults = { removeAll: async () => undefined };
  const job = () => new RemoveTenants({ ...made, credentials, ownVaults, shredding });
  const token = await made.perform(admin, 'token.create', { scope: acme }, (grant) => made.tokenService.create(grant, { name: 'x', role: 'tenant-member' }));
  const key = await made.perform(admin, 'gateway-key.create', { scope: acme }, (grant) => made.gatewayKeyService.create(grant, { name: 'x' }));
  const others = await made.perform(tenantActor('tenant-admin', 'other'), 'gateway-key.create', { scope: tenantScope('other') }, (grant) =>
    made.gatewayKeyService.create(grant, { name: 'x' }),
  );
  const remove = () => made.perform(platformAdmin, 'tenant.delete', { scope: acme }, (grant) => made.tenantService.remove(grant));
  const stateOf = async (tenant: string) => (await made.store.tenants.get({ tenant }))?.record.state;
  const signsIn = async (text: { reveal(): string } | null) => (await made.principals.authenticate(text?.reveal() ?? '', ['g', 't'])) !== undefined;
  return { made, purge, shredded, job, token: token.text, key: key.text, others: others.text, remove, stateOf, signsIn };
}

describe('removing tenants (R0.2, S10)', () => {
  it('ends tokens and gateway keys, purges credentials and leaves a tombstone, each step audited', async () => {
    const { made, purge, shredded, job, token, key, others, remove, stateOf, signsIn } = await world();
    for (const text of [token, key, others]) expect(await signsIn(text)).toBe(true);
    await remove();
    made.rows.length = 0;
    const run = job();
    expect(await run.runOnce()).toEqual({ removed: 0, waiting: 1 });
    expect(purge.asked).toEqual(['acme']);
    expect([await signsIn(token), await signsIn(key), await signsIn(others)]).toEqual([false, false, true]);
    expect(made.rows.filter((row) => row.startsWith('intent')).map((row) => row.split(' ').slice(1, 3).join(' '))).toEqual([
      'gateway-key.revoke remove-tenants',
      'token.revoke remove-tenants',
    ]);
    expect(shredded).toEqual([]);
    made.advance(15_000);
    expect(await run.runOnce()).toEqual({ removed: 1, waiting: 0 });
    expect(shredded).toEqual(['acme']);
    expect(await stateOf('acme')).toBe('deleted');
    expect(await stateOf('other')).toBe('active');
    expect(made.rows.at(-2)).toContain('tenant.delete remove-tenants tenant:acme');
    expect(await run.runOnce()).toEqual({ removed: 0, waiting: 0 });
  });

  it('touches nothing of tenants that are not being removed', async () => {
    const { made, purge, job, key, signsIn } = await world();
    await made.addTenant('asleep', 'suspended');
    expect(await job().runOnce()).toEqual({ removed: 0, waiting: 0 });
    expect(purge.asked).toEqual([]);
    expect(await signsIn(key)).toBe(true);
  });

  it('waits while a write of a credential is open', async () => {
    const { made, purge, job, remove, stateOf } = await world();
    await remove();
    purge.answer = async () => false;
    const run = job();
    for (let count = 0; count < 3; count += 1) {
      expect(await run.runOnce()).toEqual({ removed: 0, waiting: 1 });
      made.advance(15_000);
    }
    expect(await stateOf('acme')).toBe('deleting');
    purge.answer = async () => true;
    expect(await run.runOnce()).toEqual({ removed: 1, waiting: 0 });
  });

  it('what a request that was let in before makes afterwards is found before the tombstone', async () => {
    const { made, job, remove, stateOf, signsIn } = await world();
    const run = job();
    const late = await made.perform(admin, 'gateway-key.create', { scope: acme }, async (grant) => {
      await remove();
      await run.runOnce();
      return made.gatewayKeyService.create(grant, { name: 'late' });
    });
    expect(await signsIn(late.text)).toBe(true);
    made.advance(15_000);
    expect(await run.runOnce()).toEqual({ removed: 0, waiting: 1 });
    expect(await signsIn(late.text)).toBe(false);
    expect(await run.runOnce()).toEqual({ removed: 1, waiting: 0 });
    expect(await stateOf('acme')).toBe('deleted');
  });

  it('a process that died in between is followed by the next start', async () => {
    const { made, purge, job, remove, stateOf } = await world();
    await remove();
    purge.answer = () => Promise.reject(new KeyholdError('unavailable', 'The store does not answer.'));
    expect(await job().runOnce()).toEqual({ removed: 0, waiting: 1 });
    purge.answer = async () => true;
    const next = job();
    await next.runOnce();
    made.advance(15_000);
    expect(await next.runOnce()).toEqual({ removed: 1, waiting: 0 });
    expect(await stateOf('acme')).toBe('deleted');
  });

  it('one tenant that fails does not hold up another', async () => {
    const { made, purge, job, remove, stateOf } = await world();
    await made.addTenant('a-broken-one', 'deleting');
    await remove();
    purge.answer = async (tenant) => {
      if (tenant === 'a-broken-one') throw new Error('broken');
      return true;
    };
    const run = job();
    await run.runOnce();
    made.advance(15_000);
    expect(await run.runOnce()).toEqual({ removed: 1, waiting: 1 });
    expect([await stateOf('acme'), await stateOf('a-broken-one')]).toEqual(['deleted', 'deleting']);
  });

  it('R10.3: while the audit log cannot be written nothing is ended', async () => {
    const { made, job, key, remove, signsIn } = await world();
    await remove();
    made.audit.broken = true;
    expect(await job().runOnce()).toEqual({ removed: 0, waiting: 1 });
    expect(await signsIn(key)).toBe(true);
  });

  it('as a job looks after each change of a tenant, while one waits, and every five minutes; and stops when it may not go on', async () => {
    const { made, purge, job, key, remove, signsIn, stateOf } = await world();
    const run = job();
    const times = async (count: number) => {
      for (let run_ = 0; run_ < count; run_ += 1) await run.run(() => true);
    };
    await times(1);
    await made.store.tenants.replace({ tenant: 'other' }, { ...(await made.store.tenants.get({ tenant: 'other' }))!.record, state: 'deleting' }, 1);
    await times(59);
    expect(purge.asked).toEqual([]);
    await times(1);
    expect(purge.asked).toEqual(['other']);
    await remove();
    await run.run(() => false);
    expect(await signsIn(key)).toBe(true);
    await times(1);
    expect(await signsIn(key)).toBe(false);
    made.advance(15_000);
    await times(1);
    expect([await stateOf('acme'), await stateOf('other')]).toEqual(['deleted', 'deleted']);
  });
});
