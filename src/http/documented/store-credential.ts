import { Type } from 'typebox';
import type { Service } from '../../core/catalog/service.ts';
import { DEFAULT_LABEL } from '../../core/credentials/credential-key.ts';
import { storedInWords } from '../../core/credentials/stored-in.ts';
import { KeyholdError } from '../../ports/errors.ts';
import { namedService } from '../names.ts';
import { guardedRoute } from '../route.ts';
import { closed, serviceId, tenantId } from '../schemas/fields.ts';
import { documentedTenant } from './documented-tenant.ts';

/** R4.1. */
export const storeDocumentedCredential = guardedRoute({
  method: 'POST',
  url: '/tenant/ai/credentials/:provider',
  summary: 'Hand over a tenant\'s key for a provider',
  tag: 'Documented endpoints',
  statuses: [200],
  schema: {
    params: Type.Object({ provider: serviceId }),
    query: Type.Object({ tenant_id: Type.Optional(tenantId) }, closed),
    body: Type.Object(
      {
        apiKey: Type.String({ description: 'the provider\'s key, a text.' }),
        endpoint: Type.Optional(Type.Unknown({ description: 'Where the service has this setting.' })),
        deploymentMappings: Type.Optional(Type.Unknown({ description: 'Where the service has this setting.' })),
        tenant_id: Type.Optional(tenantId),
      },
      closed,
    ),
    answer: Type.Object({ success: Type.Boolean(), message: Type.String(), provider: Type.String() }),
  },
  namedInBody: true,
  action: 'credential.put',
  resource(request) {
    const owner = documentedTenant(request);
    return owner && { ...owner, service: namedService(request.params['provider']), label: DEFAULT_LABEL };
  },
  async handle(grant, { params: { provider }, body: { apiKey, endpoint, deploymentMappings } }, { catalog, credentials }) {
    const service = catalog.get(provider);
    const { credential } = await credentials.put(grant, {
      fields: { [onlyRequiredField(service)]: apiKey },
      settings: { ...(endpoint === undefined ? {} : { endpoint }), ...(deploymentMappings === undefined ? {} : { deploymentMappings }) },
    });
    return { status: 200, body: { success: true, message: `Credentials stored securely in ${storedInWords[credential.storedIn].message}`, provider: service.id } };
  },
});

function onlyRequiredField({ id, fields }: Service): string {
  const [first, ...others] = fields.filter(({ required }) => required);
  if (first !== undefined && others.length === 0) return first.name;
  throw new KeyholdError('invalid_argument', `${id} needs more than one key, which this address cannot take. Use PUT /api/v1/tenants/{tenant}/credentials/${id} with {"fields": {${fields.map(({ name }) => `"${name}": "…"`).join(', ')}}}.`);
}
