import { createSecretKey } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { credentialRecord, openIntent } from '../../../test/contract/metadata-store-records.ts';
import { createMemoryStore } from '../../adapters/metadata-store/memory/memory-store.ts';
import type { CredentialRecord } from '../../ports/metadata/credentials.ts';
import { tenantScope } from '../../ports/scope.ts';
import { SealedReferences } from './sealed-references.ts';

const scope = tenantScope('acme');
const to = { id: 'dk_2', key: createSecretKey(Buffer.alloc(32)) };

async function world(records: Readonly<Record<string, (record: CredentialRecord & { current: NonNullable<CredentialRecord['current']> }) => CredentialRecord>>) {
  const { credentials, credentialMaintenance } = createMemoryStore();
  for (const [service, change] of Object.entries(records)) {
    const key = { scope, service, label: 'default' };
    const record = credentialRecord(key);
    if (record.current === null) throw new Error('the sample has no version');
    const reference = { store: 'vault' as const, name: key, version: '3', sealed: { dataKeyId: 'dk_1', version: 1 } };
    await credentials.create(key, change({ ...record, state: 'active', intent: null, retired: [], current: { ...record.current, reference } }));
  }
  const home = async (service: string) => (await credentials.get({ scope, service, label: 'default' }))?.record.current?.home;
  return { credentials, credentialMaintenance, home, references: new SealedReferences(credentials) };
}

describe('S14, R3.6: values that were sealed before a vault got them', () => {
  it('are left to the reconciler, which writes them anew, and only those that need it', async () => {
    const { home, references, credentialMaintenance } = await world({
      old: (record) => record,
      marked: (record) => ({ ...record, current: { ...record.current, home: 'vault' } }),
      new: (record) => ({ ...record, current: { ...record.current, reference: { ...record.current.reference, sealed: { dataKeyId: 'dk_2', version: 1 } } } }),
      plain: (record) => ({ ...record, current: { ...record.current, reference: { store: 'vault', name: record, version: '3' } } }),
      deleted: (record) => ({ ...record, state: 'deleted', deletedAt: 1 }),
      written: (record) => ({ ...record, intent: openIntent(5) }),
    });
    expect(await references.reseal(scope, to, undefined)).toEqual({ resealed: 0, waiting: 2, unreadable: 0, next: undefined });
    expect(await Promise.all(['old', 'marked', 'new', 'plain', 'deleted', 'written'].map(home))).toEqual(['vault', 'vault', undefined, undefined, undefined, undefined]);
    const { items } = await credentialMaintenance.dueForReconciling(Date.now() * 2, { limit: 10 });
    expect(items.map(({ service }) => service)).toContain('old');
  });

  it('keep their key in use while anything may need it: the live version, one that leaves, and a write under way', async () => {
    const sealedUnder = (dataKeyId: string) => ({ store: 'vault' as const, name: { scope, service: 'x', label: 'default' }, version: '1', sealed: { dataKeyId, version: 1 } });
    const { references } = await world({
      deleted: (record) => ({ ...record, state: 'deleted', deletedAt: 1 }),
      leaving: (record) => ({ ...record, current: null, retired: [{ reference: sealedUnder('dk_3'), version: 1, destroyAfter: 1 }] }),
      written: (record) => ({ ...record, current: null, intent: { ...openIntent(5)!, sealedUnder: 'dk_4' } }),
    });
    expect([...(await references.keysInUse(scope))].toSorted()).toEqual(['dk_1', 'dk_3', 'dk_4']);
    expect(await references.keysInUse(tenantScope('beta'))).toEqual(new Set());
  });
});
