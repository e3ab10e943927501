import { Type } from 'typebox';
import { guardedRoute } from '../../route.ts';

/** R0.2: open to any signed-in caller. */
export const showOpenapi = guardedRoute({
  method: 'GET',
  url: '/api/v1/openapi.json',
  summary: 'Describe this API',
  tag: 'Catalogue',
  statuses: [200],
  schema: { answer: Type.Object({}, { additionalProperties: true, description: 'OpenAPI 3.1' }) },
  accepts: ['t', 'g'],
  action: 'signed-in.read',
  resource: ({ actor }) => ({ scope: actor.scope }),
  async handle(grant, _input, { openapi }) {
    grant.use('signed-in.read');
    return { status: 200, body: openapi() };
  },
});
