import { withId } from '../../names.ts';
import type { Owner } from '../../owner.ts';
import { type GuardedRoute, guardedRoute } from '../../route.ts';
import { roleBody, roleSchema } from '../../schemas/role.ts';

/** R0.2. */
export function getRole(owner: Owner): GuardedRoute {
  return guardedRoute({
    method: 'GET',
    url: `${owner.base}/:id`,
    summary: `Show one of ${owner.whose} roles`,
    tag: 'Roles',
    statuses: [200],
    schema: { params: owner.params, answer: roleSchema },
    action: 'role.read',
    resource: (request) => withId(request, owner.scope(request)),
    async handle(grant, _input, { roles }) {
      const role = await roles.get(grant);
      return { status: 200, body: roleBody(role), etag: role.etag };
    },
  });
}
