import { type TObject, Type } from 'typebox';
import type { Resource } from '../core/access/resource.ts';
import { platform, tenantInPath } from './names.ts';
import type { ResourceRequest } from './route.ts';
import { recordId, tenantId } from './schemas/fields.ts';
import { tenantParams } from './schemas/tenant.ts';

/** Whose things a route is about: the same operations exist for a tenant's and for the platform's own (R0.2). */
export interface Owner {
  readonly base: string;
  readonly whose: string;
  readonly listParams: TObject;
  readonly params: TObject;
  scope(request: ResourceRequest): Resource;
}

/** Both owners of things that have ids. */
export function ownersOf(things: 'tokens' | 'roles'): readonly [tenant: Owner, platform: Owner] {
  return [
    { base: `/api/v1/tenants/:tenant/${things}`, whose: 'a tenant\'s', listParams: tenantParams, params: Type.Object({ tenant: tenantId, id: recordId }), scope: tenantInPath },
    { base: `/api/v1/${things}`, whose: 'the platform\'s', listParams: Type.Object({}), params: Type.Object({ id: recordId }), scope: platform },
  ];
}
