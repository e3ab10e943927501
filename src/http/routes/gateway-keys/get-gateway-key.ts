import { tenantInPath, withId } from '../../names.ts';
import { guardedRoute } from '../../route.ts';
import { gatewayKeyBody, gatewayKeyParams, gatewayKeySchema } from '../../schemas/gateway-key.ts';

/** R0.2: everything but the key's text. */
export const getGatewayKey = guardedRoute({
  method: 'GET',
  url: '/api/v1/tenants/:tenant/gateway-keys/:id',
  summary: 'Show a gateway key',
  tag: 'Gateway keys',
  statuses: [200],
  schema: { params: gatewayKeyParams, answer: gatewayKeySchema },
  action: 'gateway-key.read',
  resource: (request) => withId(request, tenantInPath(request)),
  async handle(grant, _input, { gatewayKeys }) {
    const view = await gatewayKeys.get(grant);
    return { status: 200, body: gatewayKeyBody(view), etag: view.etag };
  },
});
