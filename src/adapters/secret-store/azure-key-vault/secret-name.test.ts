import { assert, property, sample } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nameKey, oddName } from '../../../../test/support/odd-names.ts';
import { platformScope, tenantScope } from '../../../ports/scope.ts';
import type { SecretName } from '../../../ports/secret-store.ts';
import { secretPath } from '../vault-kv/secret-path.ts';
import { nameAtPath } from '../vault-kv/secret-path.ts';
import { checkedSecretName, nameOfSecret, secretNameInAzure } from './secret-name.ts';

function tenants(tenant: string, service = 'openai', label = 'default'): SecretName {
  return { scope: tenantScope(tenant), service, label };
}

describe('names of secrets in Key Vault (R1.3)', () => {
  it.each([
    [{ scope: platformScope, service: 'openai', label: 'default' }, 'ai-provider-openai-system'],
    [tenants('acme'), 'ai-provider-openai-tenant-acme'],
    [tenants('acme-europe', 'azure-openai'), 'ai-provider-azure-openai-tenant-acme-europe'],
    [tenants('acme', 'openai', 'eu'), 'ai-provider-openai-tenant-acme--label-eu'],
    [tenants('acme', 'openai', 'eu-west'), 'ai-provider-openai-tenant-acme--label-eu-2dwest'],
    [tenants('acme.io'), 'ai-provider-openai-tenant--id-acme-2eio'],
    [tenants('system'), 'ai-provider-openai-tenant-system'],
    [tenants('y-system', 'x'), 'ai-provider-x-tenant-y-system'],
    [{ scope: platformScope, service: 'x-tenant-y', label: 'default' }, 'ai-provider-system--provider-x-2dtenant-2dy'],
  ])('%j is called as the documents say', (given, inAzure) => {
    expect(secretNameInAzure(given)).toBe(inAzure);
    expect(nameOfSecret(inAzure)).toEqual(given);
    expect(nameOfSecret(inAzure.toUpperCase())).toEqual(given);
  });

  it('are made of what Azure takes, and give back whose they are', () => {
    assert(
      property(oddName, (given) => {
        const inAzure = secretNameInAzure(given);
        expect(inAzure).toMatch(/^[0-9a-z-]+$/);
        expect(nameOfSecret(inAzure)).toEqual(given);
      }),
      { numRuns: 10_000 },
    );
  });

  it('R1.3, R2.2 of ten thousand odd names no two share one, in Key Vault without case, or in Vault, and each gives back whose it is', () => {
    const names = [...new Map(sample(oddName, 30_000).map((name) => [nameKey(name), name])).values()].slice(0, 10_000);
    expect(names).toHaveLength(10_000);
    expect(new Set(names.map((name) => secretNameInAzure(name).toLowerCase())).size).toBe(10_000);
    expect(new Set(names.map(secretPath)).size).toBe(10_000);
    for (const name of names) {
      expect(nameOfSecret(secretNameInAzure(name))).toEqual(name);
      expect(nameAtPath(secretPath(name))).toEqual(name);
    }
  });

  it.each(['', 'ai-provider', 'ai-provider-openai', 'ai-provider-tenant', 'ai-provider-openai-tenant', 'ai-provider-openai-tenant-', 'ai-provider-openai-system-x', 'ai-provider-openai-tenant-acme--', 'ai-provider-openai-tenant-acme--label-default', 'ai-provider-openai-tenant-acme--id-acme', 'ai-provider-openai-tenant-acme--label-eu--label-us', 'ai-provider-openai-tenant--id-acme', 'ai-platform-engineering-global', 'openai-system'])(
    'are not made up: %s is somebody else\'s',
    (inAzure) => {
      expect(nameOfSecret(inAzure)).toBeUndefined();
    },
  );

  it('R1.4 one that Azure would not take is refused before the call, with what to do', () => {
    const long = 'a'.repeat(63);
    expect(checkedSecretName(tenants(long, 'a'.repeat(40)))).toHaveLength(123);
    expect(() => checkedSecretName(tenants(long, 'openai', long))).toThrow(/^Failed to store credentials: the secret's name would have 160 characters, and Azure Key Vault takes 127\. Choose a shorter label/);
  });
});
