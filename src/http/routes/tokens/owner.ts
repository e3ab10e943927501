import { type TObject, Type } from 'typebox';
import type { Resource } from '../../../core/access/resource.ts';
import { platform, tenantInPath } from '../../names.ts';
import type { ResourceRequest } from '../../route.ts';
import { recordId, tenantId } from '../../schemas/fields.ts';
import { tenantParams } from '../../schemas/tenant.ts';

/** Whose tokens a route is about: the same operations exist for a tenant's and for the platform's own (R0.2). */
export interface TokenOwner {
  readonly base: string;
  readonly whose: string;
  readonly listParams: TObject;
  readonly params: TObject;
  scope(request: ResourceRequest): Resource;
}

export const tenantTokens: TokenOwner = {
  base: '/api/v1/tenants/:tenant/tokens',
  whose: 'a tenant\'s',
  listParams: tenantParams,
  params: Type.Object({ tenant: tenantId, id: recordId }),
  scope: tenantInPath,
};

export const platformTokens: TokenOwner = {
  base: '/api/v1/tokens',
  whose: 'the platform\'s',
  listParams: Type.Object({}),
  params: Type.Object({ id: recordId }),
  scope: platform,
};
