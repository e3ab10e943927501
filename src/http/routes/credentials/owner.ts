import { type TObject, Type } from 'typebox';
import type { Resource } from '../../../core/access/resource.ts';
import { platform, tenantInPath, withCredential } from '../../names.ts';
import type { ResourceRequest } from '../../route.ts';
import { closed, label, serviceId, tenantId } from '../../schemas/fields.ts';
import { tenantParams } from '../../schemas/tenant.ts';

/** Whose credentials a route is about: the same operations exist for a tenant's and for the platform's own (R0.2). */
export interface CredentialOwner {
  readonly kind: 'tenant' | 'platform';
  readonly base: string;
  readonly tag: string;
  readonly whose: string;
  readonly listParams: TObject;
  readonly params: TObject;
  scope(request: ResourceRequest): Resource;
  credential(request: ResourceRequest): Resource;
}

export const tenantOwner: CredentialOwner = {
  kind: 'tenant',
  base: '/api/v1/tenants/:tenant/credentials',
  tag: 'Credentials',
  whose: 'a tenant\'s',
  listParams: tenantParams,
  params: Type.Object({ tenant: tenantId, service: serviceId }),
  scope: tenantInPath,
  credential: (request) => withCredential(request, tenantInPath(request)),
};

export const platformOwner: CredentialOwner = {
  kind: 'platform',
  base: '/api/v1/platform/credentials',
  tag: 'Platform credentials',
  whose: 'the platform\'s',
  listParams: Type.Object({}),
  params: Type.Object({ service: serviceId }),
  scope: platform,
  credential: (request) => withCredential(request, platform()),
};

/** `?label=` */
export const labelQuery = Type.Object({ label: Type.Optional(label) }, closed);
