import { expect } from 'vitest';
import { type CredentialKey, type CredentialRecord, RECOVERABLE_MS } from '../../src/ports/metadata/credentials.ts';
import type { MetadataStore } from '../../src/ports/metadata-store.ts';
import { platformScope, tenantScope } from '../../src/ports/scope.ts';
import { credentialKey, credentialRecord, openIntent, time } from './metadata-store-records.ts';
import { readAll, type Rule } from './metadata-store-rule.ts';

async function put(store: MetadataStore, key: CredentialKey, changes: Partial<CredentialRecord>): Promise<void> {
  await store.credentials.create(key, credentialRecord(key, changes));
}

function retired(key: CredentialKey, destroyAfter: number): CredentialRecord['retired'][number] {
  return { reference: { store: 'sealed', name: key, version: '1' }, version: 1, destroyAfter };
}

async function dueLabels(store: MetadataStore, now: number): Promise<readonly string[]> {
  const { items } = await store.credentialMaintenance.dueForReconciling(now, { limit: 1000 });
  return items.map(({ label }) => label);
}

/** What the reconciler is given (src/ports/metadata/credentials.ts, `dueForReconciling`). */
export const credentialRules: readonly Rule[] = [
  {
    title: 'dueForReconciling: an open intent is due whichever its expiry, and no longer when it is closed',
    check: async ({ store }) => {
      await put(store, credentialKey('acme', 'openai', 'settled'), {});
      await put(store, credentialKey('acme', 'openai', 'expired'), { intent: openIntent(time - 1) });
      await put(store, credentialKey('acme', 'openai', 'at work'), { intent: openIntent(time + 60_000) });
      await put(store, credentialKey('acme', 'openai', 'first put'), { state: 'new', current: null, intent: openIntent(time) });
      expect(await dueLabels(store, time)).toEqual(['at work', 'expired', 'first put']);
      expect(await dueLabels(store, 0)).toEqual(['at work', 'expired', 'first put']);
      const key = credentialKey('acme', 'openai', 'expired');
      await store.credentials.replace(key, credentialRecord(key), 1);
      expect(await dueLabels(store, time)).toEqual(['at work', 'first put']);
    },
  },
  {
    title: 'dueForReconciling: a retired version is due from destroyAfter on, the earliest deciding',
    check: async ({ store }) => {
      const key = credentialKey('acme', 'openai', 'replaced');
      await put(store, key, { retired: [retired(key, time + 50), retired(key, time + 10), retired(key, time + 90)] });
      expect(await dueLabels(store, time + 9)).toEqual([]);
      expect(await dueLabels(store, time + 10)).toEqual(['replaced']);
      await store.credentials.replace(key, credentialRecord(key, { retired: [retired(key, time + 50)] }), 1);
      expect(await dueLabels(store, time + 10)).toEqual([]);
      expect(await dueLabels(store, time + 50)).toEqual(['replaced']);
    },
  },
  {
    title: 'R3.7: dueForReconciling: a deleted credential is due 30 days after its deletion, other states are not',
    check: async ({ store }) => {
      await put(store, credentialKey('acme', 'openai', 'deleted'), { state: 'deleted', deletedAt: time });
      await put(store, credentialKey('acme', 'openai', 'recovered'), { state: 'active', deletedAt: time });
      await put(store, credentialKey('acme', 'openai', 'purged'), { state: 'purged', current: null, deletedAt: time });
      await put(store, credentialKey('acme', 'openai', 'revoked'), { state: 'revoked', revokedAt: time });
      expect(RECOVERABLE_MS).toBe(2_592_000_000);
      expect(await dueLabels(store, time + RECOVERABLE_MS - 1)).toEqual([]);
      expect(await dueLabels(store, time + RECOVERABLE_MS)).toEqual(['deleted']);
    },
  },
  {
    title: 'R3.5: dueForReconciling: an active credential whose value belongs in another store is due, another is not',
    check: async ({ store }) => {
      const away = (label: string, state: 'active' | 'deleted' | 'revoked'): Promise<unknown> => {
        const key = credentialKey('acme', 'openai', label);
        const { current } = credentialRecord(key);
        return put(store, key, { state, current: current === null ? null : { ...current, home: 'vault' } });
      };
      await put(store, credentialKey('acme', 'openai', 'at home'), {});
      await away('away', 'active');
      await away('deleted', 'deleted');
      await away('revoked', 'revoked');
      expect(await dueLabels(store, time)).toEqual(['away']);
    },
  },
  {
    title: 'dueForReconciling: finds the keys of every scope, open intents first, then by how long they are due, in pages',
    check: async ({ store }) => {
      const late: CredentialKey = { scope: platformScope, service: 'openai', label: 'default' };
      const early: CredentialKey = { scope: tenantScope('platform'), service: 'openai', label: 'default' };
      const sameAsEarly: CredentialKey = { scope: tenantScope('acme'), service: 'anthropic', label: 'a/b 🗝' };
      const open: CredentialKey = { scope: tenantScope('beta'), service: 'openai', label: 'default' };
      await put(store, late, { retired: [retired(late, time + 5)] });
      await put(store, early, { retired: [retired(early, time)] });
      await put(store, sameAsEarly, { retired: [retired(sameAsEarly, time)] });
      await put(store, open, { intent: openIntent(time + 99) });
      for (const limit of [1, 2, 3, 4, 5]) {
        const found = await readAll((page) => store.credentialMaintenance.dueForReconciling(time + 10, page), limit);
        expect(found).toEqual([open, sameAsEarly, early, late]);
      }
    },
  },
];
