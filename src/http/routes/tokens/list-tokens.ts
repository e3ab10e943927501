import { Type } from 'typebox';
import type { Owner } from '../../owner.ts';
import { type GuardedRoute, guardedRoute } from '../../route.ts';
import { closed } from '../../schemas/fields.ts';
import { pageBody, pageOf, pageQuery, pageRequest } from '../../schemas/page.ts';
import { tokenBody, tokenSchema } from '../../schemas/token.ts';

/** R0.2: by id, ended ones included. A tenant-member sees its own. */
export function listTokens(owner: Owner): GuardedRoute {
  return guardedRoute({
    method: 'GET',
    url: owner.base,
    summary: `List ${owner.whose} tokens`,
    tag: 'Tokens',
    statuses: [200],
    schema: { params: owner.listParams, query: Type.Object(pageQuery, closed), answer: pageOf(tokenSchema) },
    action: 'token.list',
    resource: (request) => owner.scope(request),
    async handle(grant, { query }, { tokens }) {
      return { status: 200, body: pageBody(await tokens.list(grant, pageRequest(query)), tokenBody) };
    },
  });
}
