import { tenantInPath } from '../../names.ts';
import { guardedRoute } from '../../route.ts';
import { tenantBody, tenantParams, tenantSchema } from '../../schemas/tenant.ts';

/** R0.2. */
export const getTenant = guardedRoute({
  method: 'GET',
  url: '/api/v1/tenants/:tenant',
  summary: 'Show a tenant',
  tag: 'Tenants',
  statuses: [200],
  schema: { params: tenantParams, answer: tenantSchema },
  action: 'tenant.read',
  resource: tenantInPath,
  async handle(grant, _input, { tenants }) {
    const tenant = await tenants.get(grant);
    return { status: 200, body: tenantBody(tenant), etag: tenant.etag };
  },
});
