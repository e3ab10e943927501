import { type Static, Type } from 'typebox';
import type { Service } from '../../../core/catalog/service.ts';
import { guardedRoute } from '../../route.ts';
import { nullable } from '../../schemas/fields.ts';
import { pageOf } from '../../schemas/page.ts';

/** `azure`: OpenAI's bodies, with the deployment in the path. */
const format = Type.Enum(['openai', 'anthropic', 'azure']);

const service = Type.Object({
  id: Type.String(),
  name: Type.String(),
  category: Type.String(),
  fields: Type.Array(Type.Object({ name: Type.String(), required: Type.Boolean() })),
  settings: Type.Array(Type.Object({ name: Type.String(), kind: Type.Enum(['https-url', 'text-map']), required: Type.Boolean() })),
  gateway: nullable(
    Type.Object({
      formats: Type.Array(format),
      routes: Type.Array(Type.Object({ id: Type.String(), format, method: Type.Enum(['GET', 'POST']) })),
    }),
  ),
});

/** R0.2: the catalogue. The same for everybody who is signed in, gateway keys included. */
export const listServices = guardedRoute({
  method: 'GET',
  url: '/api/v1/services',
  summary: 'List the services that keys can be kept for',
  tag: 'Catalogue',
  statuses: [200],
  schema: { answer: pageOf(service) },
  accepts: ['t', 'g'],
  action: 'signed-in.read',
  resource: ({ actor }) => ({ scope: actor.scope }),
  async handle(grant, _input, { catalog }) {
    grant.use('signed-in.read');
    return { status: 200, body: { items: catalog.list().map(serviceBody), nextCursor: null } };
  },
});

function serviceBody({ id, name, category, fields, settings, gateway }: Service): Static<typeof service> {
  return {
    id,
    name,
    category,
    fields: fields.map((field) => ({ name: field.name, required: field.required })),
    settings: settings.map((setting) => ({ name: setting.name, kind: setting.kind, required: setting.required })),
    gateway:
      gateway === null
        ? null
        : {
            formats: [...new Set(gateway.routes.map(({ format }) => format))],
            routes: gateway.routes.map((route) => ({ id: route.id, format: route.format, method: route.method })),
          },
  };
}
