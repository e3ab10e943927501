import { Type } from 'typebox';
import { parseOptionalInstant } from '../../rfc3339.ts';
import type { Owner } from '../../owner.ts';
import { type GuardedRoute, guardedRoute } from '../../route.ts';
import { closed, instant, name, nullable } from '../../schemas/fields.ts';
import { createdTokenSchema, tokenBody } from '../../schemas/token.ts';

const body = Type.Object({ name, role: Type.String({ maxLength: 64 }), expiresAt: Type.Optional(nullable(instant)) }, closed);

/** R0.2: the token's text is shown once. */
export function createToken(owner: Owner): GuardedRoute {
  return guardedRoute({
    method: 'POST',
    url: owner.base,
    summary: `Make one of ${owner.whose} tokens`,
    tag: 'Tokens',
    statuses: [201],
    schema: { params: owner.listParams, body, answer: createdTokenSchema },
    creates: true,
    action: 'token.create',
    resource: (request) => owner.scope(request),
    async handle(grant, { body: { expiresAt, ...token }, idempotent }, { tokens }) {
      const created = await tokens.create(grant, { ...token, expiresAt: parseOptionalInstant(expiresAt, 'expiresAt') }, idempotent);
      return { status: 201, body: { ...tokenBody(created.token), token: created.text?.reveal() ?? null }, etag: created.token.etag };
    },
  });
}
