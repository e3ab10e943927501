import { withId } from '../../names.ts';
import type { Owner } from '../../owner.ts';
import { type GuardedRoute, guardedRoute } from '../../route.ts';
import { tokenBody, tokenSchema } from '../../schemas/token.ts';

/** R0.2: ends a token for good, at once. */
export function revokeToken(owner: Owner): GuardedRoute {
  return guardedRoute({
    method: 'DELETE',
    url: `${owner.base}/:id`,
    summary: `End one of ${owner.whose} tokens for good`,
    tag: 'Tokens',
    statuses: [200],
    schema: { params: owner.params, answer: tokenSchema },
    action: 'token.revoke',
    resource: (request) => withId(request, owner.scope(request)),
    async handle(grant, _input, { tokens }) {
      const token = await tokens.revoke(grant);
      return { status: 200, body: tokenBody(token), etag: token.etag };
    },
  });
}
