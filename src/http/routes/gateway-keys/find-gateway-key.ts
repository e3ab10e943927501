import { Type } from 'typebox';
import { platform } from '../../names.ts';
import { guardedRoute } from '../../route.ts';
import { closed, nullable } from '../../schemas/fields.ts';

const found = Type.Object({
  tenant: Type.String(),
  id: Type.String(),
  state: Type.String({ description: 'active, disabled, expired or revoked.' }),
  works: nullable(Type.Boolean({ description: 'Whether this very text works now; null where only its beginning was given.' })),
});

/** For keys that turn up somewhere. In the body, since addresses are logged on their way. */
export const findGatewayKey = guardedRoute({
  method: 'POST',
  url: '/api/v1/platform/gateway-keys/find',
  summary: 'Find whose a leaked gateway key is',
  tag: 'Gateway keys',
  statuses: [200],
  schema: { body: Type.Object({ text: Type.String({ description: 'The key, or its first 21 characters.', maxLength: 200 }) }, closed), answer: found },
  action: 'gateway-key.find',
  resource: platform,
  async handle(grant, { body }, { gatewayKeyFinder }) {
    return { status: 200, body: { ...(await gatewayKeyFinder.anywhere(grant, body.text)) } };
  },
});
