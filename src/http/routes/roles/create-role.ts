import { Type } from 'typebox';
import type { Owner } from '../../owner.ts';
import { type GuardedRoute, guardedRoute } from '../../route.ts';
import { closed } from '../../schemas/fields.ts';
import { roleBody, roleChoices, roleName, roleSchema } from '../../schemas/role.ts';

const body = Type.Object({ name: roleName, ...roleChoices }, closed);

/** R0.2: a role is a set of permissions, which nobody makes who does not hold them. */
export function createRole(owner: Owner): GuardedRoute {
  return guardedRoute({
    method: 'POST',
    url: owner.base,
    summary: `Make one of ${owner.whose} roles`,
    tag: 'Roles',
    statuses: [201],
    schema: { params: owner.listParams, body, answer: roleSchema },
    action: 'role.create',
    resource: (request) => owner.scope(request),
    async handle(grant, { body: input }, { roles }) {
      const role = await roles.create(grant, input);
      return { status: 201, body: roleBody(role), etag: role.etag };
    },
  });
}
