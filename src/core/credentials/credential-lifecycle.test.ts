import { beforeEach, describe, expect, it } from 'vitest';
import { codeOf, type CredentialWorld, createCredentialWorld } from '../../../test/support/credential-world.ts';
import { KeyholdError } from '../../ports/errors.ts';
import { Catalog } from '../catalog/catalog.ts';
import { CredentialService, type UpdateRequest } from './credential-service.ts';
import type { CredentialStep } from './steps.ts';

const first = 'sk-test-first-0123456789';
const second = 'sk-test-second-0123456789';
const DAY = 24 * 60 * 60 * 1000;

let world: CredentialWorld;
beforeEach(() => {
  world = createCredentialWorld();
});

const update = (changes: UpdateRequest) => world.as('credential.update', (grant) => world.credentials.update(grant, changes));
const remove = () => world.as('credential.delete', (grant) => world.credentials.remove(grant));
const revoke = (reason?: string) => world.as('credential.revoke', (grant) => world.credentials.revoke(grant, { reason }));
const recover = () => world.as('credential.recover', (grant) => world.credentials.recover(grant));
const purge = () => world.as('credential.purge', (grant) => world.credentials.purge(grant));
const get = () => world.as('credential.read', (grant) => world.credentials.get(grant));
const list = () => world.as('credential.read', (grant) => world.credentials.list(grant, { limit: 100 }));

describe('R3.7: taking out of use', () => {
  it('DELETE: out of use at once, gone for the store\'s readers, recoverable for 30 days', async () => {
    await world.put(first);
    expect(await world.served()).toBe(first);
    expect(await remove()).toMatchObject({ state: 'deleted', deletedAt: world.clock.now() });
    expect(await codeOf(world.served())).toBe('no_credential');
    const reference = (await world.record())?.record.current?.reference;
    expect(reference && (await codeOf(world.store.get(reference)))).toBe('not_found');
    expect(await codeOf(remove())).toBe('not_found');
    expect(world.log.of('tenant-ai-credentials.removed')).toMatchObject([{ fields: { tenantId: 'acme', provider: 'openai', removedBy: 'tok-admin', removedFrom: 'database' } }]);
    world.clock.advance(29 * DAY);
    await world.reconcile();
    expect(await recover()).toMatchObject({ state: 'active', version: 1, deletedAt: null });
    expect(await world.served()).toBe(first);
  });

  it('DELETE takes the key out of use also while the store cannot be reached', async () => {
    await world.put(first);
    world.store.failNext(1, new KeyholdError('unavailable', 'down'), { operation: 'remove' });
    expect((await remove()).state).toBe('deleted');
    expect(await codeOf(world.served())).toBe('no_credential');
    world.clock.advance(30_000);
    expect(await world.reconcile()).toEqual({ finished: 1, failed: 0 });
    expect((await world.record())?.record.intent).toBe(null);
    expect((await recover()).state).toBe('active');
  });

  it.each(['recovered', 'being recovered'] as const)('DELETE by a replica that stood still until the credential was %s by another leaves the value where it is', async (how) => {
    await world.put(first);
    const [back, removed] = [Promise.withResolvers<undefined>(), Promise.withResolvers<undefined>()];
    let recovery: Promise<unknown> | undefined;
    world.atSteps(async (step) => {
      if (step === 'recover.stored') {
        back.resolve(undefined);
        if (how === 'being recovered') await removed.promise;
      }
      if (step !== 'remove.announced') return;
      world.clock.advance(31_000);
      recovery = recover();
      await (how === 'recovered' ? recovery : back.promise);
    });
    await remove();
    removed.resolve(undefined);
    await recovery;
    expect(await world.served()).toBe(first);
  });

  it('is purged after 30 days by the reconciler, and then is not there', async () => {
    await world.put(first);
    await remove();
    world.clock.advance(30 * DAY);
    expect(await codeOf(recover())).toBe('not_found');
    await world.reconcile();
    expect(world.store.keptVersions()).toBe(0);
    expect(await codeOf(get())).toBe('not_found');
    expect((await list()).items).toEqual([]);
    expect((await world.record())?.record).toMatchObject({ state: 'purged', version: 1, notes: '', current: { fields: [{ name: 'api_key', hint: '' }] } });
  });

  it('recovers a disabled credential disabled', async () => {
    await world.put(first);
    await update({ disabled: true });
    await remove();
    expect((await recover()).state).toBe('disabled');
  });

  it('purge destroys a deleted one, and never one in use', async () => {
    await world.put(first);
    expect(await codeOf(purge())).toBe('conflict');
    await remove();
    expect((await purge()).state).toBe('purged');
    expect(world.store.keptVersions()).toBe(0);
    expect(await codeOf(purge())).toBe('not_found');
    expect(await codeOf(recover())).toBe('not_found');
    expect(await codeOf(revoke())).toBe('not_found');
  });

  it('recover says when the value is gone for good', async () => {
    await world.put(first);
    await remove();
    const reference = (await world.record())?.record.current?.reference;
    if (reference !== undefined) await world.store.destroy(reference);
    expect(await codeOf(recover())).toBe('not_found');
    expect((await world.record())?.record.state).toBe('purged');
  });

  it('revoke: out of use at once and for good, the value destroyed, replaced versions too', async () => {
    await world.put(first);
    await world.put(second);
    expect(await world.served()).toBe(second);
    expect(await revoke('leaked')).toMatchObject({ state: 'revoked', revokedAt: world.clock.now() });
    expect(await codeOf(world.served())).toBe('no_credential');
    expect(world.store.keptVersions()).toBe(0);
    expect((await world.record())?.record).toMatchObject({ revokeReason: 'leaked', retired: [] });
    expect(await codeOf(update({ disabled: false }))).toBe('conflict');
    expect(await codeOf(recover())).toBe('conflict');
    expect(await codeOf(remove())).toBe('not_found');
    expect((await revoke()).state).toBe('revoked');
  });

  it('revoke goes on while the store is down, and the value is destroyed later', async () => {
    await world.put(first);
    world.store.failNext(1, new KeyholdError('unavailable', 'down'), { operation: 'destroy' });
    expect((await revoke()).state).toBe('revoked');
    expect(world.store.keptVersions()).toBe(1);
    await world.reconcile();
    expect(world.store.keptVersions()).toBe(0);
  });

  it('revoke does not wait for an open put, whose value is destroyed whenever it arrives', async () => {
    await world.put(first);
    world.atSteps(async (step) => {
      if (step !== 'put.stored') return;
      world.atSteps(undefined);
      await revoke();
    });
    expect(await codeOf(world.put(second))).toBe('conflict');
    expect(await codeOf(world.served())).toBe('no_credential');
    expect(world.store.keptVersions()).toBe(0);
    world.clock.advance(30_000);
    await world.reconcile();
    expect((await world.record())?.record).toMatchObject({ state: 'revoked', intent: null, retired: [] });
  });

  it('answers with what it did itself, whatever another writer makes of the record meanwhile', async () => {
    await world.put(first);
    const meanwhile = (at: CredentialStep, ...writes: readonly (() => Promise<unknown>)[]): void =>
      world.atSteps(async (step) => {
        if (step !== at) return;
        world.atSteps(undefined);
        for (const write of writes) await write();
      });
    meanwhile('revoke.announced', () => world.put(second));
    expect(await revoke()).toMatchObject({ state: 'revoked', version: 1 });
    await revoke();
    meanwhile('purge.announced', () => world.put(second));
    expect(await purge()).toMatchObject({ state: 'purged', version: 2 });
    meanwhile('remove.stored', revoke, () => world.put(first));
    expect(await remove()).toMatchObject({ state: 'deleted', version: 3 });
    expect(await world.served()).toBe(first);
  });

  it('recover does not claim success when the credential was revoked meanwhile', async () => {
    await world.put(first);
    await remove();
    world.atSteps(async (step) => {
      if (step !== 'recover.stored') return;
      world.atSteps(undefined);
      await revoke();
    });
    expect(await codeOf(recover())).toBe('conflict');
    expect(world.log.of('tenant-ai-credentials.added')).toHaveLength(1);
    expect(await codeOf(world.served())).toBe('no_credential');
  });

  it('purge never forgets a put that began after it looked', async () => {
    await world.put(first);
    await remove();
    const repository = world.metadata.credentials;
    const get = repository.get.bind(repository);
    let looks = 0;
    repository.get = async (key) => {
      looks += 1;
      if (looks === 2) {
        repository.get = get;
        world.crashAt('put.stored');
        await world.put(second).catch(() => undefined);
        world.crashAt(undefined);
      }
      return get(key);
    };
    expect(await codeOf(purge())).toBe('conflict');
    world.clock.advance(30_000);
    await world.reconcile();
    expect(await world.served()).toBe(second);
    expect(world.store.keptVersions()).toBe(1);
  });

  it('revoke after a crashed put destroys what the put left in the store', async () => {
    await world.put(first);
    world.crashAt('put.stored');
    await expect(world.put(second)).rejects.toThrow('put.stored');
    world.crashAt(undefined);
    await revoke();
    world.clock.advance(30_000);
    await world.reconcile();
    expect(world.store.keptVersions()).toBe(0);
  });

  it('a key can be switched off while the store of an expired put is down, and stays off when the put is finished', async () => {
    await world.put(first);
    world.crashAt('put.stored');
    await expect(world.put(second)).rejects.toThrow('put.stored');
    world.crashAt(undefined);
    world.clock.advance(30_000);
    world.store.failNext(1, new KeyholdError('unavailable', 'down'), { operation: 'probe' });
    expect((await update({ disabled: true })).state).toBe('disabled');
    await world.reconcile();
    expect(await get()).toMatchObject({ state: 'disabled', version: 2 });
    expect((await world.record())?.record.intent).toBe(null);
  });

  it('revoke reaches a credential whose service left the catalogue', async () => {
    await world.put(first);
    const bare = new CredentialService({
      records: world.metadata.credentials,
      stores: () => world.store,
      store: world.store,
      catalog: new Catalog([]),
      bus: world.bus,
      clock: world.clock,
      log: world.log,
      random: () => Buffer.alloc(16, 1),
      digestKey: Buffer.alloc(32),
      waiting: world.waiting,
    });
    expect((await world.as('credential.revoke', (grant) => bare.revoke(grant))).state).toBe('revoked');
    expect(await codeOf(world.as('credential.read', (grant) => bare.get(grant), { label: 'none' }))).toBe('not_found');
  });
});
