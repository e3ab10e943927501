import { beforeEach, describe, expect, it } from 'vitest';
import { codeOf, type CredentialWorld, createCredentialWorld } from '../../../test/support/credential-world.ts';
import { createMemorySecretStore, type MemorySecretStore } from '../../adapters/secret-store/memory/memory-secret-store.ts';
import { KeyholdError } from '../../ports/errors.ts';
import type { PutIntent, SecretName, SecretReference } from '../../ports/secret-store.ts';

const FIRST = 'sk-test-first-0123456789';
const SECOND = 'sk-test-second-0123456789';
const MINUTE = 60_000;

let store: MemorySecretStore;
let world: CredentialWorld;
/** What was taken back, by the intents whose puts left it. */
let takenBack: string[];
let removed: number;

/** A store that cannot keep a put that was given up from arriving, as Azure's. */
beforeEach(() => {
  takenBack = [];
  removed = 0;
  store = createMemorySecretStore();
  const [destroy, remove] = [store.destroy.bind(store), store.remove.bind(store)];
  const secretStore = Object.assign(store, {
    traceOf: (name: SecretName, { id }: PutIntent): SecretReference => ({ store: 'sealed', name: { scope: name.scope, service: name.service, label: name.label }, version: `trace:${id}` }),
    destroy: async (reference: SecretReference): Promise<void> => {
      if (reference.version.startsWith('trace:')) takenBack.push(reference.version.slice(6));
      else await destroy(reference);
    },
    remove: (reference: SecretReference): Promise<void> => {
      removed += 1;
      return remove(reference);
    },
  });
  world = createCredentialWorld({ secretStore });
});

/** A put whose process dies before its store has answered; the id of its intent. */
async function abandonPut(): Promise<string> {
  world.crashAt('put.begun');
  await codeOf(world.put(SECOND));
  world.crashAt(undefined);
  const id = (await world.record())?.record.intent?.id ?? '';
  world.clock.advance(31_000);
  expect(await world.reconcile()).toEqual({ finished: 1, failed: 0 });
  return id;
}

async function pass(minutes: number): Promise<void> {
  world.clock.advance(minutes * MINUTE);
  expect((await world.reconcile()).failed).toBe(0);
}

describe('a put that was given up where it can arrive all the same (S17)', () => {
  it('is looked for ten minutes later, once, and the live key serves all the while', async () => {
    await world.put(FIRST);
    const id = await abandonPut();
    expect((await world.record())?.record).toMatchObject({ state: 'active', intent: null, retired: [{ reference: { version: `trace:${id}` }, late: true }] });
    await pass(9);
    expect([takenBack, await world.served()]).toEqual([[], FIRST]);
    await pass(2);
    await pass(2);
    expect([takenBack, removed, await world.served()]).toEqual([[id], 0, FIRST]);
    expect((await world.record())?.record.retired).toEqual([]);
  });

  it('a revocation does not make it arrive sooner, and does not forget it', async () => {
    await world.put(FIRST);
    const id = await abandonPut();
    await world.as('credential.revoke', (grant) => world.credentials.revoke(grant));
    expect((await world.record())?.record.retired).toMatchObject([{ late: true }]);
    await pass(11);
    expect([takenBack, store.keptVersions()]).toEqual([[id], 0]);
  });

  it('what a put left that a revocation did not wait for is taken back by its trace', async () => {
    await world.put(FIRST);
    world.atSteps(async (step) => {
      if (step !== 'put.stored') return;
      world.atSteps(undefined);
      await world.as('credential.revoke', (grant) => world.credentials.revoke(grant));
    });
    expect(await codeOf(world.put(SECOND))).toBe('conflict');
    expect(takenBack).toHaveLength(1);
  });

  it('on a deleted credential, whose old value it can have brought back, that is removed again', async () => {
    await world.put(FIRST);
    await world.as('credential.delete', (grant) => world.credentials.remove(grant));
    const id = await abandonPut();
    const { record } = (await world.record()) ?? {};
    if (record === undefined || record.current === null) throw new Error('There is no version.');
    // As a store does that brings a whole name back before it writes.
    await store.restore(record.current.reference);
    removed = 0;
    await pass(9);
    expect(removed).toBe(0);
    store.failNext(1, new KeyholdError('unavailable', 'down'), { operation: 'remove' });
    world.clock.advance(2 * MINUTE);
    expect((await world.reconcile()).failed).toBe(1);
    await pass(1);
    expect([takenBack, (await world.record())?.record]).toMatchObject([[id], { state: 'deleted', intent: null, retired: [] }]);
    await expect(store.get(record.current.reference)).rejects.toMatchObject({ code: 'not_found' });
    await world.as('credential.recover', (grant) => world.credentials.recover(grant));
    expect(await world.served()).toBe(FIRST);
  });
});
