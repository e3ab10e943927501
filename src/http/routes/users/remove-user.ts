import { Type } from 'typebox';
import { platform, withId } from '../../names.ts';
import { guardedRoute } from '../../route.ts';
import { recordId } from '../../schemas/fields.ts';

/** R0.2: what the user holds in tenants is theirs to take. */
export const removeUser = guardedRoute({
  method: 'DELETE',
  url: '/api/v1/users/:id',
  summary: 'Take a user\'s role of the platform away',
  tag: 'Users',
  statuses: [204],
  schema: { params: Type.Object({ id: recordId }), answer: null },
  action: 'user.remove',
  resource: (request) => withId(request, platform()),
  async handle(grant, _input, { users }) {
    await users.remove(grant);
    return { status: 204, body: undefined };
  },
});
