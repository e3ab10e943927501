import { Type } from 'typebox';
import { platform } from '../../names.ts';
import { guardedRoute } from '../../route.ts';
import { closed } from '../../schemas/fields.ts';
import { pageBody, pageOf, pageQuery, pageRequest } from '../../schemas/page.ts';
import { userBody, userSchema } from '../../schemas/user.ts';

/** R0.2: by id. */
export const listUsers = guardedRoute({
  method: 'GET',
  url: '/api/v1/users',
  summary: 'List everybody who may sign in',
  tag: 'Users',
  statuses: [200],
  schema: { query: Type.Object(pageQuery, closed), answer: pageOf(userSchema) },
  action: 'user.read',
  resource: platform,
  async handle(grant, { query }, { users }) {
    return { status: 200, body: pageBody(await users.list(grant, pageRequest(query)), userBody) };
  },
});
