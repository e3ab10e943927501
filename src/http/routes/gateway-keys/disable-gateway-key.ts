import { Type } from 'typebox';
import { tenantInPath, withId } from '../../names.ts';
import { guardedRoute } from '../../route.ts';
import { gatewayKeyParams } from '../../schemas/gateway-key.ts';

/** S25: the platform may take a tenant's leaked key out of use, which the tenant's own log shows and its administrator can undo; it can make none, and open none. */
export const disableGatewayKey = guardedRoute({
  method: 'POST',
  url: '/api/v1/platform/tenants/:tenant/gateway-keys/:id/disable',
  summary: 'Take a tenant\'s gateway key out of use',
  tag: 'Gateway keys',
  statuses: [200],
  schema: { params: gatewayKeyParams, answer: Type.Object({ id: Type.String(), disabled: Type.Boolean() }) },
  action: 'gateway-key.disable',
  resource: (request) => withId(request, tenantInPath(request)),
  async handle(grant, _input, { gatewayKeys }) {
    const { id, disabled } = await gatewayKeys.disable(grant);
    return { status: 200, body: { id, disabled } };
  },
});
