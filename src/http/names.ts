import type { Resource } from '../core/access/resource.ts';
import { DEFAULT_LABEL } from '../core/credentials/credential-key.ts';
import { KeyholdError } from '../ports/errors.ts';
import { platformScope, tenantScope, type TenantScope } from '../ports/scope.ts';
import type { StoreKind } from '../ports/secret-store.ts';
import type { ResourceRequest } from './route.ts';

/** R0.2. */
export const TENANT_PATTERN = '^[a-z0-9][a-z0-9._-]{0,62}$';
export const SERVICE_PATTERN = '^[a-z0-9-]{1,40}$';
export const LABEL_PATTERN = '^[a-z0-9][a-z0-9._-]{0,62}$';
export const ID_PATTERN = '^[A-Za-z0-9_-]{1,64}$';

const TENANT = new RegExp(TENANT_PATTERN);
const SERVICE = new RegExp(SERVICE_PATTERN);
const LABEL = new RegExp(LABEL_PATTERN);
const ID = new RegExp(ID_PATTERN);

/** The platform's own things. */
export function platform(): Resource {
  return { scope: platformScope };
}

/** The tenant that the path names. A name that no tenant can have is answered like any tenant that does not exist. */
export function tenantInPath({ params }: ResourceRequest): Resource {
  return { scope: namedTenant(params['tenant']) };
}

/** The token, gateway key or tenant-owned thing with an id that the path names. */
export function withId(request: ResourceRequest, owner: Resource): Resource {
  const id = request.params['id'];
  if (typeof id !== 'string' || !ID.test(id)) throw new KeyholdError('not_found', 'There is nothing with this id.');
  return { ...owner, id };
}

/** The credential that the path and `?label=` name. */
export function withCredential(request: ResourceRequest, owner: Resource): Resource {
  return { ...owner, service: namedService(request.params['service']), label: namedLabel(request.query['label']) };
}

/** A service's id as a path gives it. Whether there is such a service is the catalogue's to say. */
export function namedService(service: unknown): string {
  if (typeof service === 'string' && SERVICE.test(service)) return service;
  throw new KeyholdError('not_found', `There is no service ${shown(service)}. GET /api/v1/services lists those there are.`);
}

export function namedTenant(tenant: unknown): TenantScope {
  if (typeof tenant === 'string' && TENANT.test(tenant)) return tenantScope(tenant);
  throw new KeyholdError('not_found', `There is no tenant ${shown(tenant)}.`);
}

/** A store's kind as a path gives it. Whether it is switched on is another question. */
export function namedStore(store: unknown): StoreKind {
  const kind = (['azure-key-vault', 'vault', 'sealed'] as const).find((known) => known === store);
  if (kind === undefined) throw new KeyholdError('not_found', `There is no store ${shown(store)}. GET /api/v1/stores lists those there are.`);
  return kind;
}

function namedLabel(label: unknown): string {
  if (label === undefined) return DEFAULT_LABEL;
  if (typeof label === 'string' && LABEL.test(label)) return label;
  throw new KeyholdError('invalid_argument', 'A label is 1 to 63 of a-z, 0-9, dot, underscore and hyphen, and begins with a letter or a digit. Give it once.', {
    details: { property: 'label' },
  });
}

function shown(name: unknown): string {
  return JSON.stringify(typeof name === 'string' ? name.slice(0, 64).toWellFormed() : null);
}
