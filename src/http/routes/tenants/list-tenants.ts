import { Type } from 'typebox';
import { platform } from '../../names.ts';
import { guardedRoute } from '../../route.ts';
import { closed } from '../../schemas/fields.ts';
import { pageBody, pageOf, pageQuery, pageRequest } from '../../schemas/page.ts';
import { tenantBody, tenantSchema } from '../../schemas/tenant.ts';

/** R0.2: by id. */
export const listTenants = guardedRoute({
  method: 'GET',
  url: '/api/v1/tenants',
  summary: 'List tenants',
  tag: 'Tenants',
  statuses: [200],
  schema: { query: Type.Object(pageQuery, closed), answer: pageOf(tenantSchema) },
  action: 'tenant.list',
  resource: platform,
  async handle(grant, { query }, { tenants }) {
    return { status: 200, body: pageBody(await tenants.list(grant, pageRequest(query)), tenantBody) };
  },
});
