import { type TObject, Type } from 'typebox';
import type { Resource } from '../../../core/access/resource.ts';
import { platform, tenantInPath } from '../../names.ts';
import type { ResourceRequest } from '../../route.ts';
import { tenantParams } from '../../schemas/tenant.ts';

/** Whose prices a route is about: the platform's, which hold for everybody, or those of one tenant, which come before them. */
export interface PriceOwner {
  readonly url: string;
  readonly whose: string;
  readonly params: TObject;
  scope(request: ResourceRequest): Resource;
}

export const platformPrices: PriceOwner = { url: '/api/v1/prices', whose: 'everybody', params: Type.Object({}), scope: platform };

export const tenantPrices: PriceOwner = { url: '/api/v1/tenants/:tenant/prices', whose: 'one tenant', params: tenantParams, scope: tenantInPath };
