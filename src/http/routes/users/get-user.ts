import { Type } from 'typebox';
import { platform, withId } from '../../names.ts';
import { guardedRoute } from '../../route.ts';
import { recordId } from '../../schemas/fields.ts';
import { userBody, userSchema } from '../../schemas/user.ts';

/** R0.2. */
export const getUser = guardedRoute({
  method: 'GET',
  url: '/api/v1/users/:id',
  summary: 'Show a user',
  tag: 'Users',
  statuses: [200],
  schema: { params: Type.Object({ id: recordId }), answer: userSchema },
  action: 'user.read',
  resource: (request) => withId(request, platform()),
  async handle(grant, _input, { users }) {
    const user = await users.get(grant);
    return { status: 200, body: userBody(user), etag: user.etag };
  },
});
