import { tenantInPath } from '../../names.ts';
import { guardedRoute } from '../../route.ts';
import { ownVaultBody, ownVaultSchema } from '../../schemas/own-vault.ts';
import { tenantParams } from '../../schemas/tenant.ts';

/** S20: never what opens it. */
export const getOwnVault = guardedRoute({
  method: 'GET',
  url: '/api/v1/tenants/:tenant/vault',
  summary: 'Show the vault that a tenant has brought for its own keys',
  tag: 'Own vault',
  statuses: [200],
  schema: { params: tenantParams, answer: ownVaultSchema },
  action: 'own-vault.read',
  resource: tenantInPath,
  async handle(grant, _input, { ownVaults }) {
    const view = await ownVaults.get(grant);
    return { status: 200, body: ownVaultBody(view), etag: view.etag };
  },
});
