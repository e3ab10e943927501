import { beforeEach, describe, expect, it } from 'vitest';
import { codeOf, type CredentialWorld, createCredentialWorld } from '../../../test/support/credential-world.ts';
import { asKeyholdError, KeyholdError } from '../../ports/errors.ts';

const FIRST = 'sk-test-first-0123456789';
const SECOND = 'sk-test-second-0123456789';
const THIRD = 'sk-test-third-0123456789';
const MINUTE = 60_000;

let world: CredentialWorld;
beforeEach(() => {
  world = createCredentialWorld({ home: 'vault' });
});

const remove = () => world.as('credential.delete', (grant) => world.credentials.remove(grant));
const recover = () => world.as('credential.recover', (grant) => world.credentials.recover(grant));
const revoke = () => world.as('credential.revoke', (grant) => world.credentials.revoke(grant));
const purge = () => world.as('credential.purge', (grant) => world.credentials.purge(grant));
const get = () => world.as('credential.read', (grant) => world.credentials.get(grant));

/** How many values lie in Vault and in the database. */
function kept(): readonly number[] {
  return [world.store.keptVersions(), world.database.keptVersions()];
}

function toldOf(event: 'added' | 'removed'): unknown {
  const line = world.log.of(`tenant-ai-credentials.${event}`).at(-1);
  return line?.fields[event === 'added' ? 'storedIn' : 'removedFrom'];
}

async function settle(): Promise<void> {
  world.clock.advance(2 * MINUTE);
  expect((await world.reconcile()).failed).toBe(0);
}

describe('R0.5 two stores at once: KEYHOLD_STORE is for new values, and every version is looked for where it lies', () => {
  it('storedIn is true for credentials in either store, in answers and events', async () => {
    expect((await world.put(FIRST, { label: 'one' })).credential.storedIn).toBe('vault');
    expect(toldOf('added')).toBe('vault');
    world.storeIn('sealed');
    expect((await world.put(SECOND, { label: 'two' })).credential.storedIn).toBe('sealed');
    expect(toldOf('added')).toBe('database');
    const { items } = await world.as('credential.read', (grant) => world.credentials.list(grant, { limit: 10 }));
    expect(items.map(({ label, storedIn }) => [label, storedIn])).toEqual([['one', 'vault'], ['two', 'sealed']]);
    expect(kept()).toEqual([1, 1]);
  });

  it('a new version goes where new values go, and the version before is destroyed in its own store', async () => {
    await world.put(FIRST);
    world.storeIn('sealed');
    expect(await world.put(SECOND)).toMatchObject({ created: false, credential: { storedIn: 'sealed', version: 2 } });
    expect([await world.served(), kept()]).toEqual([SECOND, [1, 1]]);
    await settle();
    expect([await world.served(), kept()]).toEqual([SECOND, [0, 1]]);
    world.storeIn('vault');
    expect((await world.put(THIRD)).credential.storedIn).toBe('vault');
    await settle();
    expect([await world.served(), kept()]).toEqual([THIRD, [1, 0]]);
  });

  it('deleting, recovering, revoking and purging go to the store of the version', async () => {
    await world.put(FIRST);
    world.storeIn('sealed');
    expect([(await remove()).storedIn, toldOf('removed')]).toEqual(['vault', 'vault']);
    expect((await recover()).storedIn).toBe('vault');
    expect([await world.served(), toldOf('added')]).toEqual([FIRST, 'vault']);
    expect([world.store.calls.remove, world.store.calls.restore, world.database.calls.remove]).toEqual([1, 1, 0]);
    await world.put(SECOND);
    // The version before is still in Vault, and is destroyed there at once.
    expect(kept()).toEqual([1, 1]);
    await revoke();
    expect([kept(), toldOf('removed')]).toEqual([[0, 0], 'database']);
    world.storeIn('vault');
    await world.put(THIRD);
    await remove();
    await purge();
    expect(kept()).toEqual([0, 0]);
    expect(await codeOf(get())).toBe('not_found');
  });

  it('a put over a deleted credential in the other store destroys what could have been recovered', async () => {
    await world.put(FIRST);
    await remove();
    world.storeIn('sealed');
    expect(await world.put(SECOND)).toMatchObject({ created: true, credential: { storedIn: 'sealed' } });
    await settle();
    expect([await world.served(), kept()]).toEqual([SECOND, [0, 1]]);
  });

  it('a crash between the stores is finished in the store that the write was for', async () => {
    await world.put(FIRST);
    world.storeIn('sealed');
    for (const [step, key] of [['put.begun', FIRST], ['put.stored', SECOND]] as const) {
      world.crashAt(step);
      await expect(world.put(SECOND)).rejects.toThrow(step);
      world.crashAt(undefined);
      world.resolver = world.newResolver();
      await world.reconcile({ allOpenIntents: true });
      expect([await world.served(), (await get()).storedIn]).toEqual([key, key === FIRST ? 'vault' : 'sealed']);
    }
    await settle();
    expect(kept()).toEqual([0, 1]);
  });

  describe('a store that is not switched on', () => {
    beforeEach(async () => {
      await world.put(FIRST);
      world.switchedOn.delete('vault');
      world.storeIn('sealed');
      world.resolver = world.newResolver();
    });

    it('is unavailable with the variable that switches it on, never «no key»', async () => {
      const error = asKeyholdError(await world.served().catch((caught: unknown) => caught));
      expect([error.code, error.publicMessage]).toEqual(['unavailable', expect.stringContaining('HashiCorp Vault, which is not switched on')]);
      expect(error.publicMessage).toContain('VAULT_ENABLED=true');
      expect(await get()).toMatchObject({ storedIn: 'vault', state: 'active' });
    });

    it('does not keep a new key off, and finds its leftovers when it is on again', async () => {
      expect(await world.put(SECOND)).toMatchObject({ credential: { storedIn: 'sealed' } });
      await settle();
      expect([await world.served(), kept()]).toEqual([SECOND, [1, 1]]);
      const rows = world.audit.intents.length;
      await settle();
      expect(world.audit.intents.length).toBe(rows);
      world.switchedOn.set('vault', world.store);
      await settle();
      expect([await world.served(), kept()]).toEqual([SECOND, [0, 1]]);
    });

    it('lets a key that lies there be deleted, and a new one be stored after that', async () => {
      await remove();
      world.clock.advance(MINUTE);
      expect(await codeOf(recover())).toBe('unavailable');
      expect(await world.put(SECOND)).toMatchObject({ created: true, credential: { storedIn: 'sealed' } });
      expect(await world.served()).toBe(SECOND);
      world.switchedOn.set('vault', world.store);
      await settle();
      expect(kept()).toEqual([0, 1]);
    });

    it('a removal that is owed there is taken up again when the new key came to nothing', async () => {
      await remove();
      world.clock.advance(MINUTE);
      world.database.failNext(1, new KeyholdError('conflict', 'no'), { operation: 'put' });
      expect(await codeOf(world.put(SECOND))).toBe('conflict');
      world.switchedOn.set('vault', world.store);
      await settle();
      expect(world.store.calls.remove).toBe(1);
      expect(await recover()).toMatchObject({ state: 'active', storedIn: 'vault' });
      expect(await world.served()).toBe(FIRST);
    });

    it('a removal that is owed outlives a crash of the put after it', async () => {
      await remove();
      world.clock.advance(MINUTE);
      world.crashAt('put.begun');
      await expect(world.put(SECOND)).rejects.toThrow('put.begun');
      world.crashAt(undefined);
      world.clock.advance(MINUTE);
      // Finishes the put that never happened, and goes on over the removal.
      expect((await world.put(THIRD)).credential.storedIn).toBe('sealed');
      world.switchedOn.set('vault', world.store);
      await settle();
      expect([await world.served(), kept()]).toEqual([THIRD, [0, 1]]);
    });
  });
});
