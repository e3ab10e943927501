import { type Static, Type } from 'typebox';
import type { TenantView } from '../../core/tenants/tenant-view.ts';
import { entityTag } from '../../core/versions/etag.ts';
import { instantText } from '../rfc3339.ts';
import { etag, instant, tenantId } from './fields.ts';

export const tenantSchema = Type.Object({
  id: tenantId,
  name: Type.String(),
  state: Type.Enum(['active', 'suspended', 'deleting', 'deleted']),
  createdAt: instant,
  createdBy: Type.String(),
  etag,
});

export const tenantParams = Type.Object({ tenant: tenantId });

export function tenantBody(view: TenantView): Static<typeof tenantSchema> {
  return { ...view, etag: entityTag(view.etag), createdAt: instantText(view.createdAt) };
}
