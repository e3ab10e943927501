import { Type } from 'typebox';
import { platform, withId } from '../../names.ts';
import { guardedRoute } from '../../route.ts';
import { closed, nullable, recordId } from '../../schemas/fields.ts';
import { roleGiven, userBody, userSchema } from '../../schemas/user.ts';

const body = Type.Object({ role: Type.Optional(nullable(roleGiven)), disabled: Type.Optional(Type.Boolean()) }, closed);

/** R0.2: changes what is named; it counts at once. `disabled` is for all of Keyhold. */
export const updateUser = guardedRoute({
  method: 'PATCH',
  url: '/api/v1/users/:id',
  summary: 'Change a user\'s role of the platform, or whether they sign in',
  tag: 'Users',
  statuses: [200],
  schema: { params: Type.Object({ id: recordId }), body: body, answer: userSchema },
  conditional: true,
  action: 'user.update',
  resource: (request) => withId(request, platform()),
  urgent: ({ disabled, role }) => disabled === true && role === undefined,
  async handle(grant, { body: change, ifMatch }, { users }) {
    const user = await users.update(grant, change, ifMatch);
    return { status: 200, body: userBody(user), etag: user.etag };
  },
});
