import { withId } from '../../names.ts';
import { type GuardedRoute, guardedRoute } from '../../route.ts';
import { tokenBody, tokenSchema } from '../../schemas/token.ts';
import type { TokenOwner } from './owner.ts';

/** R0.2: ends a token for good, at once. */
export function revokeToken(owner: TokenOwner): GuardedRoute {
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
