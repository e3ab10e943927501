import { beforeEach, describe, expect, it } from 'vitest';
import { type CredentialWorld, createCredentialWorld } from '../../../test/support/credential-world.ts';
import { KeyholdError } from '../../ports/errors.ts';
import type { OwnVaultRecord, OwnVaultRepository } from '../../ports/metadata/own-vaults.ts';
import { tenantScope } from '../../ports/scope.ts';
import { CallHome } from './call-home.ts';
import { KeptThere } from './kept-there.ts';
import { ownStoreId } from './own-vaults.ts';

const MINUTE = 60_000;
const own: OwnVaultRecord = {
  tenant: 'acme',
  id: '0123456789abcdef',
  state: 'active',
  takesNew: true,
  settings: { kind: 'vault', address: 'https://vault.example.com', namespace: null, mount: 'secret', roleId: null, caCertificate: null },
  secret: { reference: { store: 'sealed', name: { scope: tenantScope('acme'), service: 'own-vault', label: 'x' }, version: '1' }, hint: '' },
  createdAt: 0,
  updatedAt: 0,
  changedBy: 'test',
};

let world: CredentialWorld;
let looks: number;
let isDown: boolean;

beforeEach(async () => {
  world = createCredentialWorld();
  looks = 0;
  isDown = false;
  const tenant = { id: 'acme', name: 'Acme', state: 'active', adminTokens: [], createdAt: 0, createdBy: 'test', deletedAt: null, idempotency: null } as const;
  await world.metadata.tenants.create({ tenant: 'acme' }, tenant);
  await world.metadata.tenants.create({ tenant: 'gone' }, { ...tenant, id: 'gone', state: 'deleted' });
});

function callHome(): CallHome {
  const { metadata, parts, bus, clock, log } = world;
  const kept = new KeptThere({ credentials: metadata.credentials, writer: parts.writer });
  const records: Pick<OwnVaultRepository, 'get' | 'replace'> = {
    get: async (key) => {
      looks += 1;
      if (isDown) throw new KeyholdError('unavailable', 'down');
      return metadata.ownVaults.get(key);
    },
    replace: (key, record, revision) => metadata.ownVaults.replace(key, record, revision),
  };
  return new CallHome({ tenants: metadata.tenants, records, kept, usualStore: 'sealed', bus, clock, log });
}

async function register(record = own): Promise<void> {
  const { revision } = await world.metadata.ownVaults.create({ tenant: record.tenant }, record);
  await world.bus.publish({ topic: 'own-vault', tenant: record.tenant, version: revision });
}

async function homeOf(label = 'default'): Promise<unknown> {
  return (await world.record(label))?.record.current?.home;
}

describe('S20 values of a tenant with a vault of its own lie nowhere else, whatever came between', () => {
  it('after a start: what a registration has not marked before a crash', async () => {
    await world.put('sk-test-before-0123456789');
    await world.metadata.ownVaults.create({ tenant: 'acme' }, own);
    await callHome().run();
    expect(await homeOf()).toBe(ownStoreId(own));
  });

  it('a put that was under way while the vault was registered, and ended after its values were marked', async () => {
    const calls = callHome();
    await calls.run();
    await register();
    await calls.run();
    await world.put('sk-test-under-way-0123456789');
    expect(await homeOf()).toBeUndefined();
    world.clock.advance(2 * MINUTE);
    await calls.run();
    expect(await homeOf()).toBe(ownStoreId(own));
  });

  it('a key that was deleted then, and recovered later, within the hour', async () => {
    const calls = callHome();
    await world.put('sk-test-recovered-0123456789');
    await world.as('credential.delete', (grant) => world.credentials.remove(grant));
    await register();
    await calls.run();
    world.clock.advance(10 * MINUTE);
    await calls.run();
    await world.as('credential.recover', (grant) => world.credentials.recover(grant));
    const before = looks;
    world.clock.advance(MINUTE);
    await calls.run();
    // Nothing has changed of late, and all were looked at a while ago.
    expect([looks, await homeOf()]).toEqual([before, undefined]);
    world.clock.advance(60 * MINUTE);
    await calls.run();
    expect(await homeOf()).toBe(ownStoreId(own));
  });

  it.each([
    ['takes no new values', { ...own, takesNew: false }],
    ['is being removed', { ...own, state: 'closing' as const }],
  ])('nothing goes to one that %s', async (_what, record) => {
    await world.put('sk-test-stays-0123456789');
    const calls = callHome();
    await calls.run();
    await register(record);
    await calls.run();
    expect(await homeOf()).toBeUndefined();
  });

  it('a removal that a dead process has left half done is taken back by the next', async () => {
    await world.put('sk-test-closing-0123456789');
    await world.metadata.ownVaults.create({ tenant: 'acme' }, { ...own, state: 'closing' });
    await callHome().run();
    expect([(await world.metadata.ownVaults.get({ tenant: 'acme' }))?.record.state, await homeOf()]).toEqual(['active', ownStoreId(own)]);
  });

  it('what a run has marked for a vault that was just told to take nothing new is marked back', async () => {
    const calls = callHome();
    await world.put('sk-test-back-0123456789');
    await register();
    await calls.run();
    expect(await homeOf()).toBe(ownStoreId(own));
    const { revision } = await world.metadata.ownVaults.replace({ tenant: 'acme' }, { ...own, takesNew: false }, 1);
    await world.bus.publish({ topic: 'own-vault', tenant: 'acme', version: revision });
    await calls.run();
    expect(await homeOf()).toBeUndefined();
  });

  it('is looked at again when the database could not answer', async () => {
    await world.put('sk-test-again-0123456789');
    await world.metadata.ownVaults.create({ tenant: 'acme' }, own);
    const calls = callHome();
    isDown = true;
    await calls.run();
    expect(world.log.of('own_vault_look_failed')).toHaveLength(1);
    isDown = false;
    await calls.run();
    expect(await homeOf()).toBe(ownStoreId(own));
  });
});
