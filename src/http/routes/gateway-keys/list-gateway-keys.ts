import { Type } from 'typebox';
import { tenantInPath } from '../../names.ts';
import { guardedRoute } from '../../route.ts';
import { closed } from '../../schemas/fields.ts';
import { gatewayKeyBody, gatewayKeySchema } from '../../schemas/gateway-key.ts';
import { pageBody, pageOf, pageQuery, pageRequest } from '../../schemas/page.ts';
import { tenantParams } from '../../schemas/tenant.ts';

const prefix = Type.Optional(Type.String({ description: 'the first 21 characters of a key, kh_g_ and 16 more: only that key.', maxLength: 200 }));

/** R0.2: by id, revoked ones included. */
export const listGatewayKeys = guardedRoute({
  method: 'GET',
  url: '/api/v1/tenants/:tenant/gateway-keys',
  summary: 'List gateway keys',
  tag: 'Gateway keys',
  statuses: [200],
  schema: { params: tenantParams, query: Type.Object({ ...pageQuery, prefix }, closed), answer: pageOf(gatewayKeySchema) },
  action: 'gateway-key.read',
  resource: tenantInPath,
  async handle(grant, { query }, { gatewayKeys, gatewayKeyFinder }) {
    if (query.prefix !== undefined) {
      const found = await gatewayKeyFinder.inTenant(grant, query.prefix);
      return { status: 200, body: pageBody({ items: found === undefined ? [] : [found], next: undefined }, gatewayKeyBody) };
    }
    return { status: 200, body: pageBody(await gatewayKeys.list(grant, pageRequest(query)), gatewayKeyBody) };
  },
});
