import { withId } from '../../names.ts';
import type { Owner } from '../../owner.ts';
import { type GuardedRoute, guardedRoute } from '../../route.ts';

/** R0.2: whoever has the role holds nothing from now on, and its name is not used again. */
export function deleteRole(owner: Owner): GuardedRoute {
  return guardedRoute({
    method: 'DELETE',
    url: `${owner.base}/:id`,
    summary: `Delete one of ${owner.whose} roles`,
    tag: 'Roles',
    statuses: [204],
    schema: { params: owner.params, answer: null },
    conditional: true,
    action: 'role.delete',
    resource: (request) => withId(request, owner.scope(request)),
    async handle(grant, { ifMatch }, { roles }) {
      await roles.delete(grant, ifMatch);
      return { status: 204, body: undefined };
    },
  });
}
