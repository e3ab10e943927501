import { tenantInPath } from '../../names.ts';
import { guardedRoute } from '../../route.ts';
import { forced, ownVaultInput, putOwnVaultBody, putOwnVaultSchema } from '../../schemas/own-vault.ts';
import { tenantParams } from '../../schemas/tenant.ts';

/** S20: signing in is tried first, and what cannot work is refused. */
export const putOwnVault = guardedRoute({
  method: 'PUT',
  url: '/api/v1/tenants/:tenant/vault',
  summary: 'Register a vault of the tenant\'s own, or change how it is reached',
  tag: 'Own vault',
  statuses: [200, 201],
  schema: { params: tenantParams, query: forced, body: ownVaultInput, answer: putOwnVaultSchema },
  conditional: true,
  action: 'own-vault.put',
  resource: tenantInPath,
  async handle(grant, { body, query, ifMatch }, { ownVaults }) {
    const put = await ownVaults.put(grant, body, { ifMatch, force: query.force === 'true' });
    return { status: put.created ? 201 : 200, body: putOwnVaultBody(put), etag: put.view.etag };
  },
});
