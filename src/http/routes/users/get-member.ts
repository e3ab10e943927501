import { Type } from 'typebox';
import { tenantInPath, withId } from '../../names.ts';
import { guardedRoute } from '../../route.ts';
import { recordId, tenantId } from '../../schemas/fields.ts';
import { memberBody, memberSchema } from '../../schemas/user.ts';

/** R0.2. */
export const getMember = guardedRoute({
  method: 'GET',
  url: '/api/v1/tenants/:tenant/users/:id',
  summary: 'Show a user of a tenant',
  tag: 'Users',
  statuses: [200],
  schema: { params: Type.Object({ tenant: tenantId, id: recordId }), answer: memberSchema },
  action: 'user.read',
  resource: (request) => withId(request, tenantInPath(request)),
  async handle(grant, _input, { members }) {
    const member = await members.get(grant);
    return { status: 200, body: memberBody(member), etag: member.etag };
  },
});
