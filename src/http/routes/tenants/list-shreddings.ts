import { Type } from 'typebox';
import { platform } from '../../names.ts';
import { guardedRoute } from '../../route.ts';
import { closed, tenantId } from '../../schemas/fields.ts';
import { pageBody, pageOf, pageQuery, pageRequest } from '../../schemas/page.ts';
import { shreddingBody, shreddingSchema } from '../../schemas/shredding.ts';

/** S16: also of tenants that are gone. */
export const listShreddings = guardedRoute({
  method: 'GET',
  url: '/api/v1/platform/shreddings',
  summary: 'List the shreddings of tenants, with their certificates',
  tag: 'Tenants',
  statuses: [200],
  schema: { query: Type.Object({ ...pageQuery, tenant: Type.Optional(tenantId) }, closed), answer: pageOf(shreddingSchema) },
  action: 'shredding.read',
  resource: platform,
  async handle(grant, { query: { tenant = null, ...page } }, { shredding }) {
    return { status: 200, body: pageBody(await shredding.list(grant, tenant, pageRequest(page)), shreddingBody) };
  },
});
