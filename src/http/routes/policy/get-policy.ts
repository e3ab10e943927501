import { tenantInPath } from '../../names.ts';
import { guardedRoute } from '../../route.ts';
import { policyBody, policySchema } from '../../schemas/policy.ts';
import { tenantParams } from '../../schemas/tenant.ts';

/** R0.2: the defaults where none was put. */
export const getPolicy = guardedRoute({
  method: 'GET',
  url: '/api/v1/tenants/:tenant/policy',
  summary: 'Show a tenant\'s policy',
  tag: 'Policy',
  statuses: [200],
  schema: { params: tenantParams, answer: policySchema },
  action: 'policy.read',
  resource: tenantInPath,
  async handle(grant, _input, { policies }) {
    const policy = await policies.get(grant);
    return { status: 200, body: policyBody(policy), etag: policy.etag };
  },
});
