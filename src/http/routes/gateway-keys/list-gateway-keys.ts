import { Type } from 'typebox';
import { tenantInPath } from '../../names.ts';
import { guardedRoute } from '../../route.ts';
import { closed } from '../../schemas/fields.ts';
import { gatewayKeyBody, gatewayKeySchema } from '../../schemas/gateway-key.ts';
import { pageBody, pageOf, pageQuery, pageRequest } from '../../schemas/page.ts';
import { tenantParams } from '../../schemas/tenant.ts';

/** R0.2: by id, revoked ones included. */
export const listGatewayKeys = guardedRoute({
  method: 'GET',
  url: '/api/v1/tenants/:tenant/gateway-keys',
  summary: 'List gateway keys',
  tag: 'Gateway keys',
  statuses: [200],
  schema: { params: tenantParams, query: Type.Object(pageQuery, closed), answer: pageOf(gatewayKeySchema) },
  action: 'gateway-key.read',
  resource: tenantInPath,
  async handle(grant, { query }, { gatewayKeys }) {
    return { status: 200, body: pageBody(await gatewayKeys.list(grant, pageRequest(query)), gatewayKeyBody) };
  },
});
