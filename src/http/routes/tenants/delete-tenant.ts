import { tenantInPath } from '../../names.ts';
import { guardedRoute } from '../../route.ts';
import { tenantBody, tenantParams, tenantSchema } from '../../schemas/tenant.ts';

/** R0.2: starts an orderly removal, so the answer is 202 with `state: deleting`. */
export const deleteTenant = guardedRoute({
  method: 'DELETE',
  url: '/api/v1/tenants/:tenant',
  summary: 'Begin to remove a tenant and everything in it',
  tag: 'Tenants',
  statuses: [202],
  schema: { params: tenantParams, answer: tenantSchema },
  conditional: true,
  action: 'tenant.delete',
  resource: tenantInPath,
  async handle(grant, { ifMatch }, { tenants }) {
    const tenant = await tenants.remove(grant, { ifMatch });
    return { status: 202, body: tenantBody(tenant), etag: tenant.etag };
  },
});
