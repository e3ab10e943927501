import { type Arbitrary, assert, constant, constantFrom, oneof, pre, property, record, string, stringMatching } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { platformScope, tenantScope } from '../../../ports/scope.ts';
import type { SecretName } from '../../../ports/secret-store.ts';
import { nameAtPath, secretPath } from './secret-path.ts';

const id = oneof(stringMatching(/^[a-z0-9][a-z0-9._-]{0,62}$/), string({ unit: 'binary' }), constantFrom('', '.', '..', '...', '~', '~2e', 'a/b', '-api-key', 'api-keys', 'default', 'é', 'A', 'a'));
const name: Arbitrary<SecretName> = record({ scope: oneof(constant(platformScope), id.map((tenant) => tenantScope(tenant))), service: id, label: id });

describe('paths of secrets in Vault (R2.2)', () => {
  it.each([
    [{ scope: platformScope, service: 'openai', label: 'default' }, 'platform/openai-api-key'],
    [{ scope: platformScope, service: 'openai', label: 'eu' }, 'platform/openai-api-key/eu'],
    [{ scope: tenantScope('acme'), service: 'openai', label: 'default' }, 'tenants/acme/api-keys/openai'],
    [{ scope: tenantScope('acme.example_1-2'), service: 'azure-openai', label: 'eu.west' }, 'tenants/acme.example_1-2/api-keys/azure-openai/eu.west'],
    [{ scope: tenantScope('a..b'), service: 'openai', label: '../x' }, 'tenants/a.~2eb/api-keys/openai/~2e~2e~2fx'],
  ])('%j lies where the documents say', (given, path) => {
    expect(secretPath(given)).toBe(path);
  });

  it('give the name back, so that two names never share one (R1.3)', () => {
    assert(
      property(name, (given) => {
        // A lone surrogate has no UTF-8, and no id has one.
        pre([given.service, given.label, given.scope.kind === 'tenant' ? given.scope.tenant : ''].every((text) => text.isWellFormed()));
        const path = secretPath(given);
        expect(nameAtPath(path)).toEqual(given);
        expect(path).toMatch(/^[\w.~-]+(?:\/[\w.~-]+)+$/);
        expect(path).not.toContain('..');
      }),
      { numRuns: 2_000 },
    );
  });

  it.each(['', 'platform', 'platform/openai', 'platform/telegram-bots/x', 'tenants/acme', 'tenants/acme/api-keys', 'tenants/acme/api-keys/openai/', 'tenants/acme/api-keys/openai/default', 'tenants/acme/api-keys/openai/a/b', 'tenants/a..b/api-keys/openai', 'tenants/%61/api-keys/openai', 'ai-gateway'])(
    'are not made up: %s is nobody\'s',
    (path) => {
      expect(nameAtPath(path)).toBeUndefined();
    },
  );
});
