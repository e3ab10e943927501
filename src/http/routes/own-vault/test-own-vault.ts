import { tenantInPath } from '../../names.ts';
import { guardedRoute } from '../../route.ts';
import { trialBody, trialSchema } from '../../schemas/own-vault.ts';
import { tenantParams } from '../../schemas/tenant.ts';

/** S20: the answer is 200 whatever comes of it; `ok` says whether all of it works. */
export const testOwnVault = guardedRoute({
  method: 'POST',
  url: '/api/v1/tenants/:tenant/vault/test',
  summary: 'Try everything that Keyhold does in the tenant\'s own vault, and say what is missing',
  tag: 'Own vault',
  statuses: [200],
  schema: { params: tenantParams, answer: trialSchema },
  action: 'own-vault.test',
  resource: tenantInPath,
  async handle(grant, _input, { ownVaults }) {
    return { status: 200, body: trialBody(await ownVaults.test(grant)) };
  },
});
