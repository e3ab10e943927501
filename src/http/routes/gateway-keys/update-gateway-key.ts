import { Type } from 'typebox';
import { tenantInPath, withId } from '../../names.ts';
import { guardedRoute } from '../../route.ts';
import { closed, name } from '../../schemas/fields.ts';
import { gatewayKeyBody, gatewayKeyChoices, gatewayKeyInput, gatewayKeyParams, gatewayKeySchema } from '../../schemas/gateway-key.ts';

/** R0.2: changes what is named; null brings a default back. */
export const updateGatewayKey = guardedRoute({
  method: 'PATCH',
  url: '/api/v1/tenants/:tenant/gateway-keys/:id',
  summary: 'Change what a gateway key may do',
  tag: 'Gateway keys',
  statuses: [200],
  schema: {
    params: gatewayKeyParams,
    body: Type.Object({ name: Type.Optional(name), disabled: Type.Optional(Type.Boolean()), ...gatewayKeyChoices }, closed),
    answer: gatewayKeySchema,
  },
  conditional: true,
  action: 'gateway-key.update',
  resource: (request) => withId(request, tenantInPath(request)),
  async handle(grant, { body, ifMatch }, { gatewayKeys }) {
    const view = await gatewayKeys.update(grant, { ...gatewayKeyInput(body), ifMatch });
    return { status: 200, body: gatewayKeyBody(view), etag: view.etag };
  },
});
