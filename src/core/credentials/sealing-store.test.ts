import { randomBytes } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import { codeOf, createCredentialWorld, type CredentialWorld, TestClock } from '../../../test/support/credential-world.ts';
import { sealedOver } from '../../../test/support/sealing-caller.ts';
import { createMemoryStore } from '../../adapters/metadata-store/memory/memory-store.ts';
import { createMemorySecretStore, type MemorySecretStore } from '../../adapters/secret-store/memory/memory-secret-store.ts';
import type { MetadataStore } from '../../ports/metadata-store.ts';
import { platformScope, tenantScope } from '../../ports/scope.ts';
import type { SecretReference, SecretStore } from '../../ports/secret-store.ts';
import { SecretValue } from '../../ports/secret-value.ts';
import { credentialKey } from './credential-key.ts';
import type { CredentialStep } from './steps.ts';

const FIRST = 'sk-test-first-key-00001';
const SECOND = 'sk-test-second-key-0002';
const OUTSIDE = 'sk-test-outside-key-003';
const MINUTE = 60_000;
const key = credentialKey({ scope: tenantScope('acme'), service: 'openai' });

let vault: MemorySecretStore;
let metadata: MetadataStore;

beforeEach(() => {
  vault = createMemorySecretStore({ kind: 'vault' });
  metadata = createMemoryStore();
});

function sealing({ sealsNew = true } = {}): SecretStore {
  return sealedOver(vault, { clock: new TestClock(), random: randomBytes, repository: metadata.dataKeys, sealsNew });
}

function worldOver(secretStore: SecretStore, more: { readonly fallback?: boolean } = {}): CredentialWorld {
  return createCredentialWorld({ secretStore, ...more });
}

/** Afterwards the same credentials are served by a process with another setting. */
function restarted(world: CredentialWorld, secretStore: SecretStore): void {
  world.switchedOn.set('vault', secretStore);
  world.storeIn('vault');
  world.resolver = world.newResolver();
}

async function referenceOf(world: CredentialWorld): Promise<SecretReference> {
  const reference = (await world.record())?.record.current?.reference;
  if (reference === undefined) throw new Error('There is no credential.');
  return reference;
}

/** As somebody reads it who has the vault and nothing else. */
async function inVault(reference: SecretReference): Promise<string | undefined> {
  return (await vault.get(reference))['api_key']?.reveal();
}

describe('R3.6 values that are sealed before their store gets them', () => {
  it('show nothing in the store, serve, and say under which data key they lie', async () => {
    const world = worldOver(sealing());
    expect((await world.put(FIRST)).credential).toMatchObject({ storedIn: 'vault', hints: { api_key: '0001' } });
    const reference = await referenceOf(world);
    expect(reference).toMatchObject({ store: 'vault', sealed: { dataKeyId: 'dk_1', version: 1 } });
    expect(await inVault(reference)).not.toContain('sk-test');
    expect(await world.served()).toBe(FIRST);
    await world.put(SECOND);
    expect([await world.served(), (await referenceOf(world)).sealed?.version]).toEqual([SECOND, 2]);
    await world.put(FIRST, { scope: platformScope });
    expect((await world.record('default', platformScope))?.record.current?.reference.sealed).toEqual({ dataKeyId: 'dk_1', version: 1 });
  });

  it('S14 are not put under a data key that is on its way out, whoever sealed them before', async () => {
    const store = sealing();
    const name = { scope: tenantScope('acme'), service: 'openai', label: 'default' };
    const sealed = await store.seal?.(name, 1, { api_key: new SecretValue(FIRST) });
    if (sealed === undefined) throw new Error('the store does not seal');
    const { fields, sealedUnder } = sealed;
    const record = (await metadata.dataKeys.get({ scope: name.scope, id: sealedUnder }))!;
    await metadata.dataKeys.replace({ scope: name.scope, id: sealedUnder }, { ...record.record, retiredAt: 1 }, record.revision);
    await expect(store.put(name, fields, { id: 'intent', version: 1, cas: null, digest: 'digest', sealedUnder })).rejects.toThrow(expect.objectContaining({ name: 'StoreUntouched', code: 'unavailable' }));
  });

  it('are gone with the data key, each tenant\'s with its own', async () => {
    const world = worldOver(sealing());
    await world.put(FIRST);
    const [dataKey] = await metadata.dataKeys.list(key.scope);
    await metadata.dataKeys.remove({ scope: key.scope, id: 'dk_1' }, dataKey!.revision);
    restarted(world, sealing());
    expect(await codeOf(world.served())).toBe('corrupt');
  });

  it('open in their own place alone', async () => {
    const world = worldOver(sealing());
    await world.put(FIRST);
    const reference = await referenceOf(world);
    const store = sealing();
    expect((await store.get(reference))['api_key']?.reveal()).toBe(FIRST);
    for (const sealed of [{ dataKeyId: 'dk_1', version: 2 }, { dataKeyId: 'dk_2', version: 1 }]) {
      expect(await codeOf(store.get({ ...reference, sealed }))).toBe('corrupt');
    }
  });

  it('stay readable when the setting is switched off, and plain ones when it is switched on', async () => {
    const world = worldOver(sealing());
    await world.put(FIRST, { label: 'default' });
    restarted(world, sealing({ sealsNew: false }));
    expect(await world.served()).toBe(FIRST);
    await world.put(SECOND);
    const plain = await referenceOf(world);
    expect([plain.sealed, await inVault(plain), await world.served()]).toEqual([undefined, SECOND, SECOND]);
    restarted(world, sealing());
    expect(await world.served()).toBe(SECOND);
    await world.put(FIRST);
    expect([(await referenceOf(world)).sealed?.version, await world.served()]).toEqual([3, FIRST]);
  });

  it.each([true, false])('a tenant\'s own value that looks like a sealed one stays what it is (new values are sealed: %s)', async (sealsNew) => {
    const world = worldOver(sealing());
    await world.put(FIRST);
    const looksSealed = (await inVault(await referenceOf(world))) ?? '';
    restarted(world, sealing({ sealsNew }));
    await world.put(looksSealed);
    expect(await world.served()).toBe(looksSealed);
  });

  const crashes: readonly (readonly [CredentialStep, string])[] = [['put.begun', FIRST], ['put.stored', SECOND], ['put.committed', SECOND]];

  it.each(crashes)('a put that dies at %s is finished by proof of what lies in the store, also with the setting switched since', async (step, served) => {
    for (const sealsNew of [true, false]) {
      vault = createMemorySecretStore({ kind: 'vault' });
      metadata = createMemoryStore();
      const world = worldOver(sealing({ sealsNew }));
      await world.put(FIRST);
      world.crashAt(step);
      await expect(world.put(SECOND)).rejects.toThrow(step);
      world.crashAt(undefined);
      restarted(world, sealing({ sealsNew: !sealsNew }));
      await world.reconcile({ allOpenIntents: true });
      expect([await world.served(), (await referenceOf(world)).sealed !== undefined]).toEqual([served, sealsNew]);
    }
  });

  it('R3.5 what waited in the database is sealed on its way home', async () => {
    const world = worldOver(sealing(), { fallback: true });
    vault.isAway = true;
    expect((await world.put(FIRST)).credential.storedIn).toBe('sealed');
    vault.isAway = false;
    await world.reconcile();
    const reference = await referenceOf(world);
    expect(reference).toMatchObject({ store: 'vault', sealed: { dataKeyId: 'dk_1' } });
    expect(await inVault(reference)).not.toContain('sk-test');
    expect(await world.served()).toBe(FIRST);
  });

  it('R3.5 a move does not end before the sealed value has been opened', async () => {
    const world = worldOver(sealing(), { fallback: true });
    vault.isAway = true;
    await world.put(FIRST);
    vault.isAway = false;
    world.atSteps(async (step) => {
      if (step !== 'move.stored') return;
      const [dataKey] = await metadata.dataKeys.list(key.scope);
      await metadata.dataKeys.remove({ scope: key.scope, id: 'dk_1' }, dataKey!.revision);
      // A process that remembers nothing.
      world.switchedOn.set('vault', sealing());
    });
    expect((await world.reconcile()).failed).toBe(1);
    world.atSteps(undefined);
    expect([(await referenceOf(world)).store, await world.served()]).toEqual(['sealed', FIRST]);
  });
});

describe('S17, R3.6 what somebody writes past Keyhold where values are sealed', () => {
  async function adopting(): Promise<CredentialWorld> {
    const world = worldOver(sealing());
    world.policy.adoptOutsideChanges = true;
    await world.put(FIRST);
    return world;
  }

  it('a plain value is adopted as the policy says, and sealed by the reconciler', async () => {
    const world = await adopting();
    vault.writeOutside(key, { api_key: new SecretValue(OUTSIDE) });
    expect(await world.outside.look(key)).toBe(true);
    const plain = await referenceOf(world);
    expect([await world.served(), plain.sealed]).toEqual([OUTSIDE, undefined]);
    expect(world.waiting.of('vault')).toBe(0);
    await world.reconcile();
    const sealed = await referenceOf(world);
    expect([sealed.store, sealed.sealed !== undefined, await world.served()]).toEqual(['vault', true, OUTSIDE]);
    expect(world.log.of('credential_rewritten')).toHaveLength(1);
    world.clock.advance(2 * MINUTE);
    await world.reconcile();
    expect(await codeOf(vault.get(plain))).toBe('not_found');
    expect([vault.keptVersions(), (await world.record())?.record.retired]).toEqual([1, []]);
    expect(await world.reconcile()).toEqual({ finished: 0, failed: 0 });
  });

  it('our own sealed value, put back by hand, is the key that it was', async () => {
    const world = await adopting();
    vault.writeOutside(key, await vault.get(await referenceOf(world)));
    await world.outside.look(key);
    world.resolver = world.newResolver();
    expect(await world.served()).toBe(FIRST);
  });

  it('one of an earlier version is reported, and never taken for a key', async () => {
    const world = await adopting();
    const earlier = await vault.get(await referenceOf(world));
    await world.put(SECOND);
    vault.writeOutside(key, earlier);
    expect(await world.outside.look(key)).toBe(false);
    expect(world.log.of('changed_outside')).toMatchObject([{ level: 'warn', fields: { code: 'corrupt' } }]);
    world.resolver = world.newResolver();
    expect(await world.served()).toBe(SECOND);
  });

  it('R6.3 a sealed value cannot be adopted without the record that it belongs to', async () => {
    const world = await adopting();
    await vault.get(await referenceOf(world));
    expect(await codeOf(Promise.resolve(sealing().newest?.(key)))).toBe('corrupt');
    vault.writeOutside(key, { api_key: new SecretValue(OUTSIDE) });
    expect(await sealing().newest?.(key)).toMatchObject({ store: 'vault', version: '2' });
  });
});
