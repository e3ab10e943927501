import { Type } from 'typebox';
import { platform } from '../../names.ts';
import { guardedRoute } from '../../route.ts';
import { closed } from '../../schemas/fields.ts';
import { invitation, roleGiven, userBody, userSchema } from '../../schemas/user.ts';

const body = Type.Object({ ...invitation, role: roleGiven }, closed);

/** R0.2, S23: whoever the identity provider names so has the role at their next sign-in. */
export const inviteUser = guardedRoute({
  method: 'POST',
  url: '/api/v1/users',
  summary: 'Give a user a role of the platform',
  tag: 'Users',
  statuses: [201],
  schema: { body: body, answer: userSchema },
  action: 'user.invite',
  resource: platform,
  async handle(grant, { body: input }, { users }) {
    const user = await users.invite(grant, input);
    return { status: 201, body: userBody(user), etag: user.etag };
  },
});
