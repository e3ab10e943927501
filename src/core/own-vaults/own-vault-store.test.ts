import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type MemoryOwnVaults, memoryOwnVaults } from '../../../test/support/memory-own-vaults.ts';
import { createOwnVaultsWorld, type OwnVaultsWorld } from '../../../test/support/own-vaults-world.ts';
import { KeyholdError } from '../../ports/errors.ts';
import type { OwnVaultSettings } from '../../ports/metadata/own-vaults.ts';
import { platformScope, tenantScope } from '../../ports/scope.ts';
import { kindOf, type PutIntent, type SecretName, type StoreId } from '../../ports/secret-store.ts';
import { SecretValue } from '../../ports/secret-value.ts';

const fields = { api_key: new SecretValue('sk-test-own-store-key-01') };

function nameOf(tenant: string): SecretName {
  return { scope: tenantScope(tenant), service: 'openai', label: 'default' };
}

function intent(): PutIntent {
  return { id: randomBytes(8).toString('hex'), version: 1, cas: null, digest: randomBytes(32).toString('hex') };
}

function settings(address: string): OwnVaultSettings {
  return { kind: 'vault', address, namespace: null, mount: 'secret', roleId: null, caCertificate: null };
}

let vaults: MemoryOwnVaults;
let world: OwnVaultsWorld;
beforeEach(() => {
  vaults = memoryOwnVaults();
  world = createOwnVaultsWorld(vaults);
});
afterEach(() => world.close());

describe('tenants\' own vaults as stores (S20, R10.2)', () => {
  it('each is opened with its own tenant\'s credential', async () => {
    const acme = await world.register('acme', settings('https://acme.test'), 'token-of-acme-0001');
    const globex = await world.register('globex', settings('https://globex.test'), 'token-of-globex-0001');
    await acme.put(nameOf('acme'), fields, intent());
    await globex.put(nameOf('globex'), fields, intent());
    expect(vaults.opened.map(({ tenant, settings: opened, secret }) => [tenant, opened, secret.reveal()])).toEqual([
      ['acme', settings('https://acme.test'), 'token-of-acme-0001'],
      ['globex', settings('https://globex.test'), 'token-of-globex-0001'],
    ]);
  });

  it('takes no name and no reference of another tenant, of the platform, or of another vault', async () => {
    const acme = await world.register('acme', settings('https://acme.test'), 'token-of-acme-0001');
    const globex = await world.register('globex', settings('https://globex.test'), 'token-of-globex-0001');
    const reference = await globex.put(nameOf('globex'), fields, intent());
    const internal = expect.objectContaining({ code: 'internal' });
    await expect(acme.put(nameOf('globex'), fields, intent())).rejects.toEqual(internal);
    await expect(acme.put({ ...nameOf('acme'), scope: platformScope }, fields, intent())).rejects.toEqual(internal);
    await expect(acme.get(reference)).rejects.toEqual(internal);
    await expect(acme.get({ ...reference, name: nameOf('acme') })).rejects.toEqual(internal);
    await expect(acme.get({ ...reference, store: 'vault', name: nameOf('acme') })).rejects.toEqual(internal);
    await expect(acme.destroy(reference)).rejects.toEqual(internal);
    await expect(acme.probe(nameOf('globex'), intent())).rejects.toEqual(internal);
  });

  it('a reference into a vault that was replaced never points into the one in its place', async () => {
    const before = await world.register('acme', settings('https://one.test'), 'token-of-acme-0001');
    const reference = await before.put(nameOf('acme'), fields, intent());
    const after = await world.register('acme', settings('https://two.test'), 'token-of-acme-0002');
    await after.put(nameOf('acme'), { api_key: new SecretValue('sk-test-another-key-0001') }, intent());
    await expect(before.get(reference)).rejects.toMatchObject({ code: 'not_found' });
    await expect(after.get(reference)).rejects.toMatchObject({ code: 'internal' });
    // What is to be taken away from where there is no access any more is its owner's.
    await before.remove(reference);
    await before.destroy(reference);
    expect(await before.probe(nameOf('acme'), intent())).toBeUndefined();
    await expect(before.restore(reference)).rejects.toMatchObject({ code: 'not_found' });
    await expect(before.put(nameOf('acme'), fields, intent())).rejects.toMatchObject({ code: 'unavailable', name: 'StoreUntouched' });
    expect(await vaults.stores.get('https://one.test')?.get({ ...reference, store: 'vault' })).toEqual(fields);
  });

  it('its id says its kind, and no id of the installation\'s stores is one', async () => {
    const store = await world.register('acme', settings('https://acme.test'), 'token-of-acme-0001');
    expect(kindOf(store.id ?? 'sealed')).toBe('vault');
    for (const id of ['vault', 'azure-key-vault', 'sealed'] satisfies StoreId[]) expect([id, world.ownVaults.storeOf(id)]).toEqual([id, undefined]);
  });

  it('S20 says whose vault it is that cannot be used', async () => {
    const store = await world.register('acme', settings('https://acme.test'), 'token-of-acme-0001');
    const reference = await store.put(nameOf('acme'), fields, intent());
    vaults.stores.get('https://acme.test')?.failNext(1, new KeyholdError('unavailable', 'It is away.'));
    await expect(store.get(reference)).rejects.toMatchObject({ code: 'unavailable', publicMessage: expect.stringContaining('/api/v1/tenants/acme/vault/test') });
  });
});
