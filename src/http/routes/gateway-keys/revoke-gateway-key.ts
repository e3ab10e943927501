import { tenantInPath, withId } from '../../names.ts';
import { guardedRoute } from '../../route.ts';
import { gatewayKeyBody, gatewayKeyParams, gatewayKeySchema } from '../../schemas/gateway-key.ts';

/** R0.2: ends a gateway key for good, at once. */
export const revokeGatewayKey = guardedRoute({
  method: 'DELETE',
  url: '/api/v1/tenants/:tenant/gateway-keys/:id',
  summary: 'End a gateway key for good',
  tag: 'Gateway keys',
  statuses: [200],
  schema: { params: gatewayKeyParams, answer: gatewayKeySchema },
  conditional: true,
  action: 'gateway-key.revoke',
  resource: (request) => withId(request, tenantInPath(request)),
  async handle(grant, { ifMatch }, { gatewayKeys }) {
    const view = await gatewayKeys.revoke(grant, { ifMatch });
    return { status: 200, body: gatewayKeyBody(view), etag: view.etag };
  },
});
