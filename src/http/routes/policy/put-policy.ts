import { tenantInPath } from '../../names.ts';
import { guardedRoute } from '../../route.ts';
import { policyBody, policyInput, policySchema } from '../../schemas/policy.ts';
import { tenantParams } from '../../schemas/tenant.ts';

/** R0.2: replaces the policy as a whole; what is left out has its default. */
export const putPolicy = guardedRoute({
  method: 'PUT',
  url: '/api/v1/tenants/:tenant/policy',
  summary: 'Replace a tenant\'s policy',
  tag: 'Policy',
  statuses: [200],
  schema: { params: tenantParams, body: policyInput, answer: policySchema },
  conditional: true,
  action: 'policy.put',
  resource: tenantInPath,
  async handle(grant, { body, ifMatch }, { policies }) {
    const policy = await policies.put(grant, body, ifMatch);
    return { status: 200, body: policyBody(policy), etag: policy.etag };
  },
});
