import { Type } from 'typebox';
import { tenantInPath } from '../../names.ts';
import { guardedRoute } from '../../route.ts';
import { closed, name } from '../../schemas/fields.ts';
import { tenantBody, tenantParams, tenantSchema } from '../../schemas/tenant.ts';

/** R0.2: renames, suspends, or makes active again. */
export const updateTenant = guardedRoute({
  method: 'PATCH',
  url: '/api/v1/tenants/:tenant',
  summary: 'Rename, suspend or reactivate a tenant',
  tag: 'Tenants',
  statuses: [200],
  schema: {
    params: tenantParams,
    body: Type.Object({ name: Type.Optional(name), state: Type.Optional(Type.Enum(['active', 'suspended'])) }, closed),
    answer: tenantSchema,
  },
  conditional: true,
  action: 'tenant.update',
  resource: tenantInPath,
  async handle(grant, { body, ifMatch }, { tenants }) {
    const tenant = await tenants.update(grant, { ...body, ifMatch });
    return { status: 200, body: tenantBody(tenant), etag: tenant.etag };
  },
});
