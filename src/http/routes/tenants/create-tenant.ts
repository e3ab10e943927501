import { Type } from 'typebox';
import { platform } from '../../names.ts';
import { guardedRoute } from '../../route.ts';
import { closed, name, tenantId } from '../../schemas/fields.ts';
import { tenantBody, tenantSchema } from '../../schemas/tenant.ts';

/** R0.2: the id is given or made, and never used again. */
export const createTenant = guardedRoute({
  method: 'POST',
  url: '/api/v1/tenants',
  summary: 'Make a tenant',
  tag: 'Tenants',
  statuses: [201],
  schema: { body: Type.Object({ id: Type.Optional(tenantId), name }, closed), answer: tenantSchema },
  creates: true,
  action: 'tenant.create',
  resource: platform,
  async handle(grant, { body, idempotent }, { tenants }) {
    const tenant = await tenants.create(grant, body, idempotent);
    return { status: 201, body: tenantBody(tenant), etag: tenant.etag };
  },
});
