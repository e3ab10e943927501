import { Type } from 'typebox';
import { tenantInPath, withId } from '../../names.ts';
import { guardedRoute } from '../../route.ts';
import { closed } from '../../schemas/fields.ts';
import { createdGatewayKeySchema, gatewayKeyBody, gatewayKeyParams } from '../../schemas/gateway-key.ts';

const body = Type.Object(
  { overlapSeconds: Type.Optional(Type.Integer({ description: 'a whole number: how long the old text works on beside the new one; at most 7 days, 0 without it.', minimum: 0, maximum: 604_800 })) },
  closed,
);

/** R0.2: the new text is shown once. */
export const rotateGatewayKey = guardedRoute({
  method: 'POST',
  url: '/api/v1/tenants/:tenant/gateway-keys/:id/rotate',
  summary: 'Give a gateway key a new text',
  tag: 'Gateway keys',
  statuses: [200],
  schema: { params: gatewayKeyParams, body, answer: createdGatewayKeySchema },
  bodyOptional: true,
  conditional: true,
  action: 'gateway-key.rotate',
  resource: (request) => withId(request, tenantInPath(request)),
  async handle(grant, { body: { overlapSeconds }, ifMatch }, { gatewayKeys }) {
    const { gatewayKey, text } = await gatewayKeys.rotate(grant, { overlapSeconds, ifMatch });
    return { status: 200, body: { ...gatewayKeyBody(gatewayKey), key: text.reveal() }, etag: gatewayKey.etag };
  },
});
