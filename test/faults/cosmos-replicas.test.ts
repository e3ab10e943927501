import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openCosmosStore } from '../../src/adapters/metadata-store/cosmos/open-cosmos.ts';
import type { MetadataStore } from '../../src/ports/metadata-store.ts';
import { tenantScope } from '../../src/ports/scope.ts';
import { auditRow, credentialKey, credentialRecord, gatewayKeyRecord, placeRows, tenantRecord } from '../contract/metadata-store-records.ts';
import { expectCode } from '../contract/metadata-store-rule.ts';
import { cosmosOptions } from '../support/cosmos-options.ts';
import { type CosmosReplicas, startCosmosReplicas } from '../support/servers/cosmos-replicas.ts';

let server: CosmosReplicas;
let writer: MetadataStore;
let reader: MetadataStore;

beforeEach(async () => {
  server = await startCosmosReplicas();
  writer = await openCosmosStore(cosmosOptions(server.endpoint));
  reader = await openCosmosStore(cosmosOptions(server.endpoint));
});

afterEach(async () => {
  await writer.close();
  await reader.close();
  await server.close();
});

/** Two replicas of Keyhold on an account with Session consistency, whose replicas for reading are behind for as long as we like. */
describe('Cosmos DB with reads that are old', () => {
  const key = credentialKey('acme');

  it('a process sees what it has written itself', async () => {
    server.lag();
    const created = await writer.credentials.create(key, credentialRecord(key));
    expect(await writer.credentials.get(key)).toEqual(created);
    const changed = await writer.credentials.replace(key, credentialRecord(key, { notes: 'changed' }), 1);
    expect(await writer.credentials.get(key)).toEqual(changed);
    expect((await writer.credentials.list(tenantScope('acme'), { limit: 10 })).items).toEqual([changed]);
    await writer.credentials.remove(key, 2);
    expect(await writer.credentials.get(key)).toBeUndefined();
  });

  it('what is missing in an old read is not made a second time', async () => {
    server.lag();
    await writer.tenants.create({ tenant: 'acme' }, tenantRecord('acme', { name: 'first' }));
    expect(await reader.tenants.get({ tenant: 'acme' })).toBeUndefined();
    await expectCode(reader.tenants.create({ tenant: 'acme' }, tenantRecord('acme', { name: 'second' })), 'already_exists');
    // Who was refused sees why.
    expect((await reader.tenants.get({ tenant: 'acme' }))?.record.name).toBe('first');
  });

  it('an old read is not written back over what is newer', async () => {
    await writer.gatewayKeys.create({ id: 'g1' }, gatewayKeyRecord('g1', 'acme'));
    expect((await reader.gatewayKeys.get({ id: 'g1' }))?.revision).toBe(1);
    server.lag();
    await writer.gatewayKeys.replace({ id: 'g1' }, { ...gatewayKeyRecord('g1', 'acme'), disabled: true }, 1);
    expect((await reader.gatewayKeys.get({ id: 'g1' }))?.record.disabled).toBe(false);
    await expectCode(reader.gatewayKeys.replace({ id: 'g1' }, gatewayKeyRecord('g1', 'acme'), 1), 'conflict');
    expect(await reader.gatewayKeys.get({ id: 'g1' })).toMatchObject({ revision: 2, record: { disabled: true } });
  });

  it('who knows of a newer revision than is read is believed', async () => {
    await writer.credentials.create(key, credentialRecord(key));
    server.lag();
    await writer.credentials.replace(key, credentialRecord(key, { notes: 'two' }), 1);
    await writer.credentials.create(credentialKey('acme', 'openai', 'other'), credentialRecord(credentialKey('acme', 'openai', 'other')));
    expect((await reader.credentials.get(key))?.revision).toBe(1);
    expect((await reader.credentials.replace(key, credentialRecord(key, { notes: 'three' }), 2)).revision).toBe(3);
    expect((await writer.credentials.get(key))?.record.notes).toBe('two');
    await expectCode(writer.credentials.replace(key, credentialRecord(key, { notes: 'stale' }), 2), 'conflict');
    expect((await writer.credentials.get(key))?.record.notes).toBe('three');
  });

  it('S30: the length of the audit log is never told too short, and its end never moves back', async () => {
    await placeRows(writer.audit, 0, [auditRow('a0'), auditRow('a1')]);
    server.lag();
    await placeRows(writer.audit, 2, [auditRow('a2')]);
    await placeRows(writer.audit, 3, [auditRow('a3')]);
    await expectCode(reader.audit.append(2, [{ row: auditRow('x'), nodes: [], ofTenant: null }]), 'conflict');
    expect(await reader.audit.size()).toBe(4);
    await placeRows(reader.audit, 4, [auditRow('a4')]);
    expect((await reader.audit.read(null, 0, 10)).map(({ id }) => id)).toEqual(['a0', 'a1', 'a2', 'a3', 'a4']);
    // The other end: it has not heard of a4, and builds on what it placed itself.
    await expectCode(placeRows(writer.audit, 4, [auditRow('y')]), 'conflict');
    expect(await writer.audit.size()).toBe(5);
    await server.follow();
    expect((await reader.audit.list({ tenant: 'acme' }, { limit: 10 })).items.map(({ id }) => id)).toEqual(['a4', 'a3', 'a2', 'a1', 'a0']);
  });

  it('the audit log goes on where a replica places rows at an end that it has only heard of', async () => {
    server.lag();
    await placeRows(writer.audit, 0, [auditRow('a0'), auditRow('a1')]);
    await reader.audit.append(2, [{ row: auditRow('a2', { tenant: null }), nodes: ['AA=='], ofTenant: null }]);
    expect(await writer.audit.size()).toBe(3);
  });
});
