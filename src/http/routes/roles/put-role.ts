import { Type } from 'typebox';
import { withId } from '../../names.ts';
import type { Owner } from '../../owner.ts';
import { type GuardedRoute, guardedRoute } from '../../route.ts';
import { closed } from '../../schemas/fields.ts';
import { roleBody, roleChoices, roleSchema } from '../../schemas/role.ts';

/** R0.2: what the role permits from now on; it counts for whoever has it, at once. */
export function putRole(owner: Owner): GuardedRoute {
  return guardedRoute({
    method: 'PUT',
    url: `${owner.base}/:id`,
    summary: `Replace what one of ${owner.whose} roles permits`,
    tag: 'Roles',
    statuses: [200],
    schema: { params: owner.params, body: Type.Object(roleChoices, closed), answer: roleSchema },
    conditional: true,
    action: 'role.update',
    resource: (request) => withId(request, owner.scope(request)),
    async handle(grant, { body, ifMatch }, { roles }) {
      const role = await roles.replace(grant, body, ifMatch);
      return { status: 200, body: roleBody(role), etag: role.etag };
    },
  });
}
