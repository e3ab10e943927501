import { Type } from 'typebox';
import { tenantInPath, withId } from '../../names.ts';
import { guardedRoute } from '../../route.ts';
import { recordId, tenantId } from '../../schemas/fields.ts';

/** R0.2: whoever it is holds nothing in the tenant from now on. */
export const removeMember = guardedRoute({
  method: 'DELETE',
  url: '/api/v1/tenants/:tenant/users/:id',
  summary: 'Take a user out of a tenant',
  tag: 'Users',
  statuses: [204],
  schema: { params: Type.Object({ tenant: tenantId, id: recordId }), answer: null },
  conditional: true,
  action: 'user.remove',
  resource: (request) => withId(request, tenantInPath(request)),
  async handle(grant, { ifMatch }, { members }) {
    await members.remove(grant, ifMatch);
    return { status: 204, body: undefined };
  },
});
