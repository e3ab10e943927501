import { Type } from 'typebox';
import { DEFAULT_LABEL } from '../../core/credentials/credential-key.ts';
import { namedService } from '../names.ts';
import { guardedRoute } from '../route.ts';
import { closed, serviceId, tenantId } from '../schemas/fields.ts';
import { documentedTenant } from './documented-tenant.ts';

/** R4.2. */
export const deleteDocumentedCredential = guardedRoute({
  method: 'DELETE',
  url: '/tenant/ai/credentials/:provider',
  summary: 'Delete a tenant\'s key for a provider',
  tag: 'Documented endpoints',
  statuses: [204],
  schema: {
    params: Type.Object({ provider: serviceId }),
    query: Type.Object({ tenant_id: Type.Optional(tenantId) }, closed),
    body: Type.Object({ tenant_id: Type.Optional(tenantId) }, closed),
    answer: null,
  },
  bodyOptional: true,
  namedInBody: true,
  action: 'credential.delete',
  resource(request) {
    const owner = documentedTenant(request);
    return owner && { ...owner, service: namedService(request.params['provider']), label: DEFAULT_LABEL };
  },
  async handle(grant, _input, { credentials }) {
    await credentials.remove(grant);
    return { status: 204, body: null };
  },
});
