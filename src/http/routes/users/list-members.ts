import { Type } from 'typebox';
import { tenantInPath } from '../../names.ts';
import { guardedRoute } from '../../route.ts';
import { closed } from '../../schemas/fields.ts';
import { pageBody, pageOf, pageQuery, pageRequest } from '../../schemas/page.ts';
import { tenantParams } from '../../schemas/tenant.ts';
import { memberBody, memberSchema } from '../../schemas/user.ts';

/** R0.2: by id, with what they are in this tenant and nothing of what they are elsewhere. */
export const listMembers = guardedRoute({
  method: 'GET',
  url: '/api/v1/tenants/:tenant/users',
  summary: 'List a tenant\'s users',
  tag: 'Users',
  statuses: [200],
  schema: { params: tenantParams, query: Type.Object(pageQuery, closed), answer: pageOf(memberSchema) },
  action: 'user.read',
  resource: tenantInPath,
  async handle(grant, { query }, { members }) {
    return { status: 200, body: pageBody(await members.list(grant, pageRequest(query)), memberBody) };
  },
});
