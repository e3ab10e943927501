import { Type } from 'typebox';
import { guardedRoute } from '../../route.ts';
import { closed, serviceId } from '../../schemas/fields.ts';
import { pageBody, pageOf, pageQuery, pageRequest } from '../../schemas/page.ts';
import { modelBody, modelSchema } from '../../schemas/prices.ts';

const query = Type.Object(
  { ...pageQuery, service: Type.Optional(serviceId), search: Type.Optional(Type.String({ description: 'a part of a model\'s name, in any case.', pattern: '^(?!.*[.][.])[A-Za-z0-9_ ./:@+~-]+$', maxLength: 200 })) },
  closed,
);

/** R0.2: the models whose price is known, by the prices that hold for whoever asks. For everybody who is signed in, gateway keys included. */
export const listModels = guardedRoute({
  method: 'GET',
  url: '/api/v1/models',
  summary: 'List the models whose price is known, and what they cost now',
  tag: 'Prices',
  statuses: [200],
  schema: { query, answer: pageOf(modelSchema) },
  accepts: ['t', 'g'],
  action: 'signed-in.read',
  resource: ({ actor }) => ({ scope: actor.scope }),
  async handle(grant, { query: { service, search, ...page } }, { models }) {
    return { status: 200, body: pageBody(await models.list(grant, { service, search, ...pageRequest(page) }), modelBody) };
  },
});
