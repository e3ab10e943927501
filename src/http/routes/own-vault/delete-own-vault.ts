import { tenantInPath } from '../../names.ts';
import { guardedRoute } from '../../route.ts';
import { forced } from '../../schemas/own-vault.ts';
import { tenantParams } from '../../schemas/tenant.ts';

/** S20: nothing in the vault is touched. */
export const deleteOwnVault = guardedRoute({
  method: 'DELETE',
  url: '/api/v1/tenants/:tenant/vault',
  summary: 'Forget a tenant\'s own vault and what opens it',
  tag: 'Own vault',
  statuses: [204],
  schema: { params: tenantParams, query: forced, answer: null },
  conditional: true,
  action: 'own-vault.delete',
  resource: tenantInPath,
  async handle(grant, { query, ifMatch }, { ownVaults }) {
    await ownVaults.remove(grant, { ifMatch, force: query.force === 'true' });
    return { status: 204, body: null };
  },
});
