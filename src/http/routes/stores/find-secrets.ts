import { Type } from 'typebox';
import { platformScope } from '../../../ports/scope.ts';
import { guardedRoute } from '../../route.ts';
import { closed, label, nullable, serviceId } from '../../schemas/fields.ts';
import { pageBody, pageOf, pageQuery, pageRequest } from '../../schemas/page.ts';
import { namedStore } from '../../names.ts';

const found = Type.Object({
  place: Type.String({ description: 'A path in HashiCorp Vault, a secret\'s name in Azure Key Vault.' }),
  credential: nullable(
    Type.Object(
      { tenant: nullable(Type.String()), service: serviceId, label },
      { description: 'Whose key lies there, by its name (tenant null: the platform\'s); null where no credential can lie there.' },
    ),
  ),
});

/** R6.3: what lies in a store where credentials do, by its names alone. */
export const findSecrets = guardedRoute({
  method: 'GET',
  url: '/api/v1/stores/:store/secrets',
  summary: 'List the names of what lies in a store where credentials do',
  tag: 'Stores',
  statuses: [200],
  schema: { params: Type.Object({ store: Type.String() }), query: Type.Object(pageQuery, closed), answer: pageOf(found) },
  action: 'store.find',
  resource: ({ params }) => ({ scope: platformScope, id: namedStore(params['store']) }),
  async handle(grant, { query }, { storeNames }) {
    return {
      status: 200,
      body: pageBody(await storeNames.list(grant, pageRequest(query)), ({ place, name }) => ({
        place,
        credential: name === null ? null : { tenant: name.scope.kind === 'tenant' ? name.scope.tenant : null, service: name.service, label: name.label },
      })),
    };
  },
});
