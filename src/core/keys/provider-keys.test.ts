import { describe, expect, it } from 'vitest';
import { credentialRecord } from '../../../test/contract/metadata-store-records.ts';
import { createMemoryStore } from '../../adapters/metadata-store/memory/memory-store.ts';
import { platformScope, tenantScope } from '../../ports/scope.ts';
import { allProviderKeys, ProviderKeys } from './provider-keys.ts';

describe('S14: the provider keys to replace', () => {
  it('are those that were sealed here, of the platform and of every tenant, in pages of any length', async () => {
    const metadata = createMemoryStore();
    for (const tenant of ['acme', 'beta', 'empty', 'zeta']) {
      await metadata.tenants.create({ tenant }, { id: tenant, name: tenant, state: 'active', adminTokens: [], createdAt: 0, createdBy: 'test', deletedAt: null, idempotency: null });
    }
    const keep = async (scope: typeof platformScope | ReturnType<typeof tenantScope>, service: string, store: 'sealed' | 'vault') => {
      const record = credentialRecord({ scope, service, label: 'default' });
      if (record.current === null) throw new Error('the sample has no version');
      const key = { scope, service, label: 'default' };
      await metadata.credentials.create(key, { ...record, current: { ...record.current, reference: { ...record.current.reference, store } } });
    };
    await keep(platformScope, 'openai', 'sealed');
    for (const tenant of ['acme', 'beta', 'zeta']) for (const service of ['anthropic', 'openai', 'stripe']) await keep(tenantScope(tenant), service, service === 'stripe' ? 'vault' : 'sealed');
    const keys = new ProviderKeys(metadata);
    const expected = ['null/openai', ...['acme', 'beta', 'zeta'].flatMap((tenant) => [`${tenant}/anthropic`, `${tenant}/openai`])];
    for (const limit of [1, 2, 1000]) {
      const all = await allProviderKeys((after) => keys.page(null, { limit, after }));
      expect(all.map(({ tenant, service }) => `${tenant}/${service}`)).toEqual(expected);
    }
    expect((await allProviderKeys((after) => keys.page('beta', { limit: 1, after }))).map(({ tenant, service }) => `${tenant}/${service}`)).toEqual(['beta/anthropic', 'beta/openai']);
    await expect(keys.page(null, { limit: 1, after: 'nonsense' })).rejects.toThrow(expect.objectContaining({ code: 'invalid_argument' }));
  });
});
