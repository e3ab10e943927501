import { describe, expect, it } from 'vitest';
import { createMemorySecretStore, type MemorySecretStore } from '../../adapters/secret-store/memory/memory-secret-store.ts';
import { KeyholdError } from '../../ports/errors.ts';
import type { SecretReference } from '../../ports/secret-store.ts';
import { SecretValue } from '../../ports/secret-value.ts';
import { codeOf, createCredentialWorld, type CredentialWorld } from '../../../test/support/credential-world.ts';

/** A world whose store moves the live value when a put is given up, as Vault does. */
function movingWorld(): { readonly world: CredentialWorld; readonly store: MemorySecretStore } {
  const store = createMemorySecretStore();
  const secretStore = Object.assign(store, {
    giveUp: async (name: SecretReference['name'], { cas }: { readonly cas: string | null }): Promise<SecretReference | undefined> => {
      const fields = cas === null ? undefined : await store.get({ store: 'sealed', name, version: cas }).catch(() => undefined);
      return fields === undefined ? undefined : store.put(name, fields, { id: 'moved', version: 100, cas, digest: 'moved' });
    },
  });
  return { world: createCredentialWorld({ secretStore }), store };
}

async function abandonPut(world: CredentialWorld, key: string): Promise<void> {
  world.crashAt('put.begun');
  await codeOf(world.put(key));
  world.crashAt(undefined);
  world.clock.advance(31_000);
}

describe('a put that is given up where that moves the live value', () => {
  it('leaves the record at the new place, and the old one is destroyed after the grace', async () => {
    const { world, store } = movingWorld();
    await world.put('sk-test-moved-0001');
    await abandonPut(world, 'sk-test-moved-0002');
    expect(await world.reconcile()).toEqual({ finished: 1, failed: 0 });
    const moved = (await world.record())?.record;
    expect(moved).toMatchObject({ state: 'active', intent: null, current: { version: 1, reference: { version: '100' } }, retired: [{ reference: { version: '1' } }] });
    expect(await world.served()).toBe('sk-test-moved-0001');
    world.clock.advance(61_000);
    await world.reconcile();
    expect(store.keptVersions()).toBe(1);
    expect(await world.newResolver().resolve(await world.use(), { service: world.catalog.get('openai') })).toMatchObject({ fields: { api_key: expect.any(SecretValue) } });
  });

  it('destroys the new place, too, of a key that was revoked meanwhile', async () => {
    const { world, store } = movingWorld();
    await world.put('sk-test-moved-0003');
    await abandonPut(world, 'sk-test-moved-0004');
    store.failNext(1, new KeyholdError('unavailable', 'down'), { operation: 'destroy' });
    await world.as('credential.revoke', (grant) => world.credentials.revoke(grant));
    expect(store.keptVersions()).toBe(1);
    await world.reconcile();
    expect((await world.record())?.record).toMatchObject({ state: 'revoked', intent: null, retired: [] });
    expect(store.keptVersions()).toBe(0);
  });

  it('does not follow what somebody else wrote into the store (S17)', async () => {
    const { world, store } = movingWorld();
    await world.put('sk-test-moved-0005');
    const key = (await world.record())?.record;
    if (key === undefined) throw new Error('there is no record');
    store.writeOutside(key, { api_key: new SecretValue('sk-test-outside-01') });
    store.failNext(1, new KeyholdError('conflict', 'changed'), { operation: 'put' });
    world.atSteps((step) => {
      if (step === 'put.begun') store.failNext(1, new KeyholdError(store.calls.put === 1 ? 'conflict' : 'unavailable', 'lost'), { operation: 'put' });
    });
    expect(await codeOf(world.put('sk-test-moved-0006'))).toBe('unavailable');
    world.atSteps(undefined);
    expect((await world.record())?.record.intent).toMatchObject({ cas: '2' });
    world.clock.advance(31_000);
    await world.reconcile();
    expect((await world.record())?.record).toMatchObject({ intent: null, current: { reference: { version: '1' } }, retired: [] });
  });
});
