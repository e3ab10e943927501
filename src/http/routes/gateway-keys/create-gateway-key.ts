import { Type } from 'typebox';
import { tenantInPath } from '../../names.ts';
import { guardedRoute } from '../../route.ts';
import { closed, name } from '../../schemas/fields.ts';
import { createdGatewayKeySchema, gatewayKeyBody, gatewayKeyChoices, gatewayKeyInput } from '../../schemas/gateway-key.ts';
import { tenantParams } from '../../schemas/tenant.ts';

/** R0.2: the key's text is shown once. */
export const createGatewayKey = guardedRoute({
  method: 'POST',
  url: '/api/v1/tenants/:tenant/gateway-keys',
  summary: 'Make a gateway key for an application',
  tag: 'Gateway keys',
  statuses: [201],
  schema: { params: tenantParams, body: Type.Object({ name, ...gatewayKeyChoices }, closed), answer: createdGatewayKeySchema },
  creates: true,
  action: 'gateway-key.create',
  resource: tenantInPath,
  async handle(grant, { body, idempotent }, { gatewayKeys }) {
    const { gatewayKey, text } = await gatewayKeys.create(grant, gatewayKeyInput(body), idempotent);
    return { status: 201, body: { ...gatewayKeyBody(gatewayKey), key: text?.reveal() ?? null }, etag: gatewayKey.etag };
  },
});
