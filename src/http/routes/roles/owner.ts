import { type TObject, Type } from 'typebox';
import type { Resource } from '../../../core/access/resource.ts';
import { platform, tenantInPath } from '../../names.ts';
import type { ResourceRequest } from '../../route.ts';
import { recordId, tenantId } from '../../schemas/fields.ts';
import { tenantParams } from '../../schemas/tenant.ts';

/** Whose roles a route is about: the same operations exist for a tenant's and for the platform's own. */
export interface RoleOwner {
  readonly base: string;
  readonly whose: string;
  readonly listParams: TObject;
  readonly params: TObject;
  scope(request: ResourceRequest): Resource;
}

export const tenantRoleOwner: RoleOwner = {
  base: '/api/v1/tenants/:tenant/roles',
  whose: 'a tenant\'s',
  listParams: tenantParams,
  params: Type.Object({ tenant: tenantId, id: recordId }),
  scope: tenantInPath,
};

export const platformRoleOwner: RoleOwner = {
  base: '/api/v1/roles',
  whose: 'the platform\'s',
  listParams: Type.Object({}),
  params: Type.Object({ id: recordId }),
  scope: platform,
};
