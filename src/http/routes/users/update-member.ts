import { Type } from 'typebox';
import { tenantInPath, withId } from '../../names.ts';
import { guardedRoute } from '../../route.ts';
import { closed, name, recordId, tenantId } from '../../schemas/fields.ts';
import { memberBody, memberSchema, roleGiven } from '../../schemas/user.ts';

const body = Type.Object({ name: Type.Optional(name), role: Type.Optional(roleGiven), disabled: Type.Optional(Type.Boolean()) }, closed);

/** R0.2: changes what is named; it counts at once. */
export const updateMember = guardedRoute({
  method: 'PATCH',
  url: '/api/v1/tenants/:tenant/users/:id',
  summary: 'Change what a user may do in a tenant',
  tag: 'Users',
  statuses: [200],
  schema: { params: Type.Object({ tenant: tenantId, id: recordId }), body: body, answer: memberSchema },
  conditional: true,
  action: 'user.update',
  resource: (request) => withId(request, tenantInPath(request)),
  urgent: ({ disabled, name: _name, ...others }) => disabled === true && Object.keys(others).length === 0,
  async handle(grant, { body: change, ifMatch }, { members }) {
    const member = await members.update(grant, change, ifMatch);
    return { status: 200, body: memberBody(member), etag: member.etag };
  },
});
