import { type Arbitrary, constant, constantFrom, oneof, record, string, stringMatching } from 'fast-check';
import { platformScope, tenantScope } from '../../src/ports/scope.ts';
import type { SecretName } from '../../src/ports/secret-store.ts';

/** What could be read as a part of a name that is built from several. */
const traps = constantFrom(
  '', '-', '--', '-xx', '.', '..', '...', '_', '~', '~2e', '-2e', 'a/b', '\u0000', ' ', 'é', 'É', 'ß', 'İ', '𝒜', 'A', 'a', 'K', 'k',
  'default', 'Default', 'system', 'tenant', 'tenant-system', 'x-system', 'x-tenant-y', 'tenant-x-system', 'id', 'id-x', 'label', 'label-eu', 'provider', 'provider-x', 'api-keys', '-api-key', 'platform', 'tenants',
  'openai', 'OpenAI', 'open-ai', 'open.ai', 'open_ai', 'openai-', '-openai', 'open--ai', 'openai-system', 'openai-tenant-acme', 'acme', 'acme--label-eu', 'acme-system', 'ai-provider-openai-system', 'a-2eb', 'a.b', 'eu', 'e-u',
);

/** Ids as they are allowed, ids that are not, and joints of traps. Only texts that have a UTF-8. */
const oddId: Arbitrary<string> = oneof(
  stringMatching(/^[a-z0-9][a-z0-9._-]{0,12}$/),
  traps,
  record({ one: traps, joint: constantFrom('', '-', '--', '.', '/'), other: traps }).map(({ one, joint, other }) => one + joint + other),
  string({ unit: 'binary', maxLength: 8 }).filter((text) => text.isWellFormed()),
);

/** A name of a secret with odd parts, for trials of the names that stores give them (R1.3). */
export const oddName: Arbitrary<SecretName> = record({ scope: oneof(constant(platformScope), oddId.map((tenant) => tenantScope(tenant))), service: oddId, label: oneof(constant('default'), oddId) });

/** One text for a name, different for different names. */
export function nameKey({ scope, service, label }: SecretName): string {
  return JSON.stringify([scope.kind, scope.kind === 'tenant' ? scope.tenant : null, service, label]);
}
