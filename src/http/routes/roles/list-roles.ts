import { Type } from 'typebox';
import type { Owner } from '../../owner.ts';
import { type GuardedRoute, guardedRoute } from '../../route.ts';
import { closed } from '../../schemas/fields.ts';
import { pageBody, pageOf, pageQuery, pageRequest } from '../../schemas/page.ts';
import { roleBody, roleSchema } from '../../schemas/role.ts';

/** R0.2: by name. Built-in ones are not among them. */
export function listRoles(owner: Owner): GuardedRoute {
  return guardedRoute({
    method: 'GET',
    url: owner.base,
    summary: `List ${owner.whose} roles that were made`,
    tag: 'Roles',
    statuses: [200],
    schema: { params: owner.listParams, query: Type.Object(pageQuery, closed), answer: pageOf(roleSchema) },
    action: 'role.read',
    resource: (request) => owner.scope(request),
    async handle(grant, { query }, { roles }) {
      return { status: 200, body: pageBody(await roles.list(grant, pageRequest(query)), roleBody) };
    },
  });
}
