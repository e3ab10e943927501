import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createAccessWorld } from '../../../test/support/access-world.ts';
import { RecordingLog } from '../../../test/support/recording-log.ts';
import { createInProcessBus } from '../../adapters/bus/in-process.ts';
import { createMemoryStore } from '../../adapters/metadata-store/memory/memory-store.ts';
import { createSealedStore } from '../../adapters/secret-store/sealed/sealed-store.ts';
import { KeyholdError } from '../../ports/errors.ts';
import type { SealedValueRepository } from '../../ports/metadata/sealed.ts';
import { platformScope, type Scope, scopeKey, tenantScope } from '../../ports/scope.ts';
import type { PutIntent, SecretReference, SecretStore } from '../../ports/secret-store.ts';
import { SecretValue } from '../../ports/secret-value.ts';
import { systemActor } from '../access/actor.ts';
import { DataKeys } from '../crypto/data-keys.ts';
import { RootKey } from '../crypto/root-key.ts';
import { DataKeyRotation } from './data-key-rotation.ts';
import { ResealValues } from './reseal-values.ts';
import { type KeyStep, keySteps } from './steps.ts';

const clock = { now: () => Date.now(), monotonic: () => performance.now() };
const root = new RootKey('root_test', Buffer.alloc(32, 2));
const [acme, beta] = [tenantScope('acme'), tenantScope('beta')];
const died = new Error('died here');

function intentOf(version: number): PutIntent {
  return { id: `intent-${version}`, version, cas: null, digest: `digest-${version}` };
}

/** An encrypted database in memory; `change` lets a test stand between the store and its records. */
async function world(change: (values: SealedValueRepository) => Partial<SealedValueRepository> = () => ({})) {
  const metadata = createMemoryStore();
  const accessWorld = createAccessWorld();
  for (const tenant of ['acme', 'beta']) {
    await accessWorld.addTenant(tenant);
    await metadata.tenants.create({ tenant }, { id: tenant, name: tenant, state: 'active', adminTokens: [], createdAt: 0, createdBy: 'test', deletedAt: null, idempotency: null });
  }
  const bus = createInProcessBus();
  const values = metadata.sealedValues;
  const dataKeysOf = () => new DataKeys({ repository: metadata.dataKeys, root, bus, clock, random: randomBytes });
  const dataKeys = dataKeysOf();
  const wipes = { count: 0, isBusy: false };
  const changed: SealedValueRepository = {
    get: (key) => values.get(key),
    create: (key, record) => values.create(key, record),
    replace: (key, record, revision) => values.replace(key, record, revision),
    remove: (key, revision) => values.remove(key, revision),
    list: (scope, page) => values.list(scope, page),
    ...change(values),
  };
  const store = createSealedStore({ values: changed, dataKeys, clock, random: randomBytes });
  const rotationDyingAt = (diesAt?: KeyStep) =>
    new DataKeyRotation({
      platform: metadata.platform,
      tenants: metadata.tenants,
      dataKeys,
      users: [new ResealValues({ values, dataKeys, random: randomBytes })],
      wipe: async () => {
        if (wipes.isBusy) throw new KeyholdError('unavailable', 'Another program reads the database.');
        wipes.count += 1;
      },
      access: accessWorld.access,
      clock,
      random: randomBytes,
      log: new RecordingLog(),
      step: async (step) => {
        // Others have their turn.
        await new Promise((resolve) => setImmediate(resolve));
        if (step === diesAt) throw died;
      },
    });
  const rotation = rotationDyingAt();
  const begin = (tenant: string | null = null, by = rotation) => accessWorld.access.perform(systemActor('test'), 'data-keys.rotate', { scope: platformScope }, null, (grant) => by.begin(grant, tenant));
  const put = (scope: Scope, version: number, text = `sk-test-${scopeKey(scope)}-${version}`) => store.put({ scope, service: 'openai', label: 'default' }, { api_key: new SecretValue(text) }, intentOf(version));
  const textOf = async (reference: SecretReference, from: SecretStore = store) => (await from.get(reference))['api_key']?.reveal();
  /** As after a restart: nothing of the keys is remembered. */
  const restarted = () => createSealedStore({ values, dataKeys: dataKeysOf(), clock, random: randomBytes });
  const keyIds = async (scope: Scope) => (await dataKeys.list(scope)).map(({ id }) => id);
  return { metadata, values, dataKeys, store, rotation, rotationDyingAt, begin, put, textOf, restarted, keyIds, wipes };
}

describe('S14: new data keys', () => {
  it('are under everything afterwards, and the old ones are gone', async () => {
    const { rotation, begin, put, textOf, restarted, keyIds } = await world();
    const references = await Promise.all([acme, beta, platformScope].flatMap((scope) => Array.from({ length: 130 }, (_, index) => put(scope, index + 1))));
    await begin();
    expect(await rotation.last()).toMatchObject({ finishedAt: null });
    expect(await rotation.runOnce()).toBe(true);
    expect(await rotation.last()).toMatchObject({ finishedAt: expect.any(Number), resealed: 390, destroyedKeys: 3, unreadable: 0 });
    expect(await rotation.runOnce()).toBe(false);
    for (const scope of [acme, beta, platformScope]) expect(await keyIds(scope)).toEqual(['dk_2']);
    const after = restarted();
    for (const reference of references) expect(await textOf(reference, after)).toBe(`sk-test-${scopeKey(reference.name.scope)}-${reference.version}`);
  });

  it('are found by a replica that has read a value just before, and stood still until the key that it was sealed under was gone', async () => {
    let meanwhile: (() => Promise<unknown>) | undefined;
    const { rotation, begin, put, textOf, keyIds } = await world((values) => ({
      get: async (key) => {
        const stored = await values.get(key);
        const work = meanwhile;
        meanwhile = undefined;
        await work?.();
        return stored;
      },
    }));
    const reference = await put(acme, 1);
    await begin();
    meanwhile = () => rotation.runOnce();
    expect(await textOf(reference)).toBe(`sk-test-${scopeKey(acme)}-1`);
    expect(await keyIds(acme)).toEqual(['dk_2']);
  });

  it('S16 leave no old key in the database\'s log of changes, and are finished all the same while that cannot be emptied', async () => {
    const { rotation, begin, put, keyIds, wipes } = await world();
    await put(acme, 1);
    for (const isBusy of [false, true]) {
      wipes.isBusy = isBusy;
      await begin();
      await rotation.runOnce();
      expect(wipes.count).toBe(1);
    }
    expect(await rotation.last()).toMatchObject({ finishedAt: expect.any(Number), destroyedKeys: 1 });
    expect(await keyIds(acme)).toEqual(['dk_3']);
    await rotation.sweep();
    expect(wipes.count).toBe(1);
  });

  it('are one tenant\'s alone where only that is named', async () => {
    const { rotation, begin, put, keyIds } = await world();
    await put(acme, 1);
    await put(beta, 1);
    await begin('acme');
    await rotation.runOnce();
    expect([await keyIds(acme), await keyIds(beta), await keyIds(platformScope)]).toEqual([['dk_2'], ['dk_1'], []]);
    await begin('acme');
    await rotation.runOnce();
    expect(await keyIds(acme)).toEqual(['dk_3']);
  });

  it.each(keySteps.filter((step) => step.startsWith('data.')))('are finished by the next process when one dies at %s', async (diesAt) => {
    const { rotation, rotationDyingAt, begin, put, textOf, restarted, keyIds } = await world();
    const references = await Promise.all([acme, beta].flatMap((scope) => [put(scope, 1), put(scope, 2)]));
    const victim = rotationDyingAt(diesAt);
    if (diesAt === 'data.begun') await expect(begin(null, victim)).rejects.toThrow(died);
    else {
      await begin(null, victim);
      await expect(victim.runOnce()).rejects.toThrow(died);
    }
    for (const reference of references) expect(await textOf(reference, restarted())).toMatch(/^sk-test-/);
    await rotation.runOnce();
    expect((await rotation.last())?.finishedAt).not.toBeNull();
    for (const scope of [acme, beta]) expect(await keyIds(scope)).toEqual(['dk_2']);
    for (const reference of references) expect(await textOf(reference, restarted())).toBe(`sk-test-${scopeKey(reference.name.scope)}-${reference.version}`);
  });

  it('lose no value that is kept, removed or destroyed meanwhile', async () => {
    const { rotation, begin, put, store, textOf, restarted, keyIds } = await world();
    const references: SecretReference[] = [await put(acme, 1)];
    const ending = new AbortController();
    const writer = (async () => {
      for (let version = 2; !ending.signal.aborted; version += 1) {
        const reference = await put(acme, version);
        if (version % 5 === 0) await store.destroy(reference);
        else references.push(reference);
        if (version % 3 === 0) {
          await store.remove(references[0]!);
          await store.restore(references[0]!);
        }
        await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    for (let round = 0; round < 10; round += 1) {
      await begin();
      await rotation.runOnce();
    }
    ending.abort();
    await writer;
    expect(references.length).toBeGreaterThan(10);
    for (const reference of references) expect(await textOf(reference, restarted())).toBe(`sk-test-tenant:acme-${reference.version}`);
    expect(await keyIds(acme)).toEqual(['dk_11']);
  });

  it('catch a put that took the old key and kept its value only after that was destroyed', async () => {
    const held = Promise.withResolvers<void>();
    const sealed = Promise.withResolvers<void>();
    const { rotation, begin, put, textOf, restarted, keyIds } = await world((values) => ({
      create: async (key, record) => {
        if (key.version === 2) {
          sealed.resolve();
          await held.promise;
        }
        return values.create(key, record);
      },
    }));
    await put(acme, 1);
    const late = put(acme, 2);
    await sealed.promise;
    await begin();
    await rotation.runOnce();
    expect(await keyIds(acme)).toEqual(['dk_2']);
    held.resolve();
    expect(await textOf(await late, restarted())).toBe('sk-test-tenant:acme-2');
  });

  it('S17 take nothing for kept whose writer died between keeping it under an old key and looking', async () => {
    const { values, rotation, begin, put, store, dataKeys, textOf, restarted } = await world();
    await put(acme, 1);
    const name = { scope: acme, service: 'openai', label: 'default' };
    // What a writer that died there leaves behind: first while the old key is on its way out, then after it is gone.
    const left = (await values.get({ ...name, version: 1 }))?.record;
    if (left === undefined) throw new Error('no value is kept');
    await values.create({ ...name, version: 2 }, { ...left, intentId: 'intent-2', digest: 'digest-2' });
    await dataKeys.renew(acme, 'another rotation');
    await dataKeys.retire(acme, 'dk_1');
    // Sealed for version 1, it cannot be opened as version 2.
    await expect(store.probe(name, intentOf(2))).rejects.toThrow(expect.objectContaining({ code: 'corrupt' }));
    const moved = await store.probe(name, intentOf(1));
    expect(moved).toBeDefined();
    expect((await values.get({ ...name, version: 1 }))?.record.dataKeyId).toBe('dk_2');
    await begin();
    await values.remove({ ...name, version: 2 }, (await values.get({ ...name, version: 2 }))!.revision);
    await rotation.runOnce();
    expect(await textOf(moved!, restarted())).toBe('sk-test-tenant:acme-1');
    await values.create({ ...name, version: 3 }, { ...left, intentId: 'intent-3', digest: 'digest-3' });
    expect(await store.probe(name, intentOf(3))).toBeUndefined();
    await expect(put(acme, 3)).rejects.toThrow(expect.objectContaining({ code: 'conflict' }));
  });

  it('leave a value that cannot be opened as it is, with its key, and say so', async () => {
    const { values, rotation, begin, put, keyIds, textOf, restarted } = await world();
    await put(acme, 1);
    const good = await put(acme, 2);
    const key = { scope: acme, service: 'openai', label: 'default', version: 1 };
    const stored = (await values.get(key))!;
    await values.replace(key, { ...stored.record, fields: { api_key: `AAAA${stored.record.fields['api_key']?.slice(4)}` } }, stored.revision);
    await begin();
    await rotation.runOnce();
    expect(await rotation.last()).toMatchObject({ resealed: 1, unreadable: 1, destroyedKeys: 0 });
    expect(await keyIds(acme)).toEqual(['dk_1', 'dk_2']);
    expect(await textOf(good, restarted())).toBe('sk-test-tenant:acme-2');
  });

  it('are made once at a time', async () => {
    const { rotation, begin, put } = await world();
    await put(acme, 1);
    const first = await begin('acme');
    expect((await begin('acme')).id).toBe(first.id);
    await expect(begin()).rejects.toThrow(expect.objectContaining({ code: 'conflict' }));
    await rotation.runOnce();
    expect((await begin()).id).not.toBe(first.id);
    await rotation.runOnce();
    await expect(begin('nobody')).rejects.toThrow(expect.objectContaining({ code: 'not_found' }));
  });
});
