import { beforeEach, describe, expect, it, vi } from 'vitest';
import { azureStoreOn, intend, newName, oneField } from '../../../test/support/azure-fixture.ts';
import { codeOf, type CredentialWorld, createCredentialWorld } from '../../../test/support/credential-world.ts';
import { startAzureServer } from '../../../test/support/servers/azure/server.ts';
import { KeyholdError } from '../../ports/errors.ts';
import type { CredentialRecord } from '../../ports/metadata/credentials.ts';
import type { Stored } from '../../ports/metadata/stored.ts';
import type { SecretReference } from '../../ports/secret-store.ts';
import { undoLateRemoval } from './late-removal.ts';

const first = 'sk-test-first-0123456789';
const key = { scope: { kind: 'tenant', tenant: 'acme' }, service: 'openai', label: 'default' } as const;

let world: CredentialWorld;
beforeEach(async () => {
  world = createCredentialWorld();
  await world.put(first);
});

const remove = () => world.as('credential.delete', (grant) => world.credentials.remove(grant));
const recover = () => world.as('credential.recover', (grant) => world.credentials.recover(grant));

describe('R3.7: a deletion that comes to its store after others have finished it and recovered the credential', () => {
  it('leaves the newer key that was stored since where it is, also in a store that removes a name with all its versions', async () => {
    const server = await startAzureServer();
    const { store } = azureStoreOn(server);
    const name = newName();
    const [one, two] = [oneField('sk-test-one-0123456789'), oneField('sk-test-two-0123456789')];
    const before = await store.put(name, one, intend(1, one));
    await store.remove(before);
    await store.restore(before);
    const now = await store.put(name, two, intend(2, two, before));
    await store.remove(before);
    expect(await codeOf(store.get(now))).toBe('not_found');
    const stored = await recordOf(now);
    const announce = vi.fn(async () => {});
    await undoLateRemoval({ stores: () => store, writer: { get: async () => stored, announce } }, key, stored, before);
    expect(Object.values(await store.get(now)).map((value) => value.reveal())).toEqual(['sk-test-two-0123456789']);
    expect(announce).toHaveBeenCalledWith(key, stored);
    store.close();
    await server.close();
  });

  it('says what to do where the store cannot bring the value back', async () => {
    world.atSteps(async (step) => {
      if (step !== 'remove.announced') return;
      world.clock.advance(31_000);
      await recover();
      world.store.failNext(1, new KeyholdError('unavailable', 'down'), { operation: 'restore' });
    });
    await expect(remove()).rejects.toMatchObject({ code: 'unavailable', publicMessage: expect.stringContaining('Store the key again with PUT') });
    await world.put('sk-test-second-0123456789');
    expect(await world.served()).toBe('sk-test-second-0123456789');
  });

  it('does not bring a value back that was deleted once more meanwhile', async () => {
    let isFirst = true;
    world.atSteps(async (step) => {
      if (step !== 'remove.announced' || !isFirst) return;
      isFirst = false;
      world.clock.advance(31_000);
      await recover();
      const restore = world.store.restore.bind(world.store);
      vi.spyOn(world.store, 'restore').mockImplementationOnce(async (reference) => {
        await remove();
        await restore(reference);
      });
    });
    await remove();
    const record = (await world.record())?.record;
    expect(record).toMatchObject({ state: 'deleted', intent: null });
    expect(record?.current && (await codeOf(world.store.get(record.current.reference)))).toBe('not_found');
    expect(await recover()).toMatchObject({ state: 'active' });
    expect(await world.served()).toBe(first);
  });
});

/** The world's record, with another reference. */
async function recordOf(reference: SecretReference): Promise<Stored<CredentialRecord>> {
  const stored = await world.record();
  const current = stored?.record.current ?? null;
  if (stored === undefined || current === null) throw new Error('There is no record.');
  return { ...stored, record: { ...stored.record, current: { ...current, reference } } };
}
