import { tenantInPath } from '../../names.ts';
import { guardedRoute } from '../../route.ts';
import { shreddingBody, shreddingSchema } from '../../schemas/shredding.ts';
import { tenantParams } from '../../schemas/tenant.ts';

/** S16: what was sealed for the tenant cannot be read any more when this answers; its orderly removal goes on by itself, and ends with the certificate. */
export const shredTenant = guardedRoute({
  method: 'POST',
  url: '/api/v1/tenants/:tenant/shred',
  summary: 'Destroy a tenant\'s data keys at once, and begin its removal',
  tag: 'Tenants',
  statuses: [202],
  schema: { params: tenantParams, answer: shreddingSchema },
  action: 'tenant.shred',
  resource: tenantInPath,
  async handle(grant, _input, { shredding }) {
    return { status: 202, body: shreddingBody(await shredding.shredNow(grant)) };
  },
});
