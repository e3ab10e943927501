import { platformScope, tenantScope } from '../../../ports/scope.ts';
import type { SecretName } from '../../../ports/secret-store.ts';

/**
 * Where a secret lies below the mount (R2.2): `platform/{service}-api-key`, `tenants/{tenant}/api-keys/{service}`, and below that the
 * label where it is not `default`. Two names never meet: every segment is encoded on its own, so that no id can hold a slash.
 */
export function secretPath({ scope, service, label }: SecretName): string {
  const base = scope.kind === 'platform' ? `platform/${segment(service)}-api-key` : `tenants/${segment(scope.tenant)}/api-keys/${segment(service)}`;
  return label === 'default' ? base : `${base}/${segment(label)}`;
}

/** The name that lies there; undefined for a path that `secretPath` does not make. */
export function nameAtPath(path: string): SecretName | undefined {
  const match = /^(?:platform\/(?<own>[^/]*)-api-key|tenants\/(?<tenant>[^/]+)\/api-keys\/(?<service>[^/]+))(?:\/(?<label>[^/]+))?$/u.exec(path);
  if (match?.groups === undefined) return undefined;
  const { own, tenant, service = own, label } = match.groups;
  const name: SecretName = {
    scope: tenant === undefined ? platformScope : tenantScope(text(tenant)),
    service: text(service ?? ''),
    label: label === undefined ? 'default' : text(label),
  };
  return secretPath(name) === path ? name : undefined;
}

/**
 * Ids as they are: Vault compares with case. Everything else, and a dot that could be read as a way up, is `~` and two hex digits a byte;
 * nothing at all is `~`.
 */
function segment(id: string): string {
  if (id === '') return '~';
  return id.replaceAll(/(?<=^|\.)\.|[^\w.-]/gu, (character) => [...Buffer.from(character, 'utf8')].map((byte) => `~${byte.toString(16).padStart(2, '0')}`).join(''));
}

function text(segment: string): string {
  if (segment === '~') return '';
  const bytes = segment.replaceAll(/~(?<hex>[\da-f]{2})/gu, (_all, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, 'latin1').toString('utf8');
}
