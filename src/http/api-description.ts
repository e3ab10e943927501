import type { FastifyDynamicSwaggerOptions } from '@fastify/swagger';
import { nothing } from './fastify-schema.ts';
import { SESSION_COOKIE } from './session-cookie.ts';
import { routeTable } from './route-table.ts';

/** How the API description (OpenAPI 3.1) is made from the routes' schemas. */
export function apiDescription(version: string): FastifyDynamicSwaggerOptions {
  return {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Keyhold',
        version,
        description:
          'Keeps other people\'s API keys and uses them on their behalf. Times are RFC 3339 in UTC. Lists come in pages: ask again with `cursor` set to `nextCursor` until it is null. Refusals all look alike; their `code` is for programs, their `message` says what to do.',
      },
      components: { securitySchemes: { token: { type: 'http', scheme: 'bearer', description: 'An API token (kh_t_…). /api/v1/me, /api/v1/services and /api/v1/openapi.json take a gateway key (kh_g_…) too.' }, session: { type: 'apiKey', in: 'cookie', name: SESSION_COOKIE, description: 'A browser\'s session, as POST /api/v1/sign-in begins one.' } } },
    },
    transform: ({ schema, url }) => {
      if (schema.body !== nothing) return { schema, url };
      const { body: _body, ...bodyless } = schema;
      return { schema: bodyless, url };
    },
    transformObject: (document) => {
      if (!('openapiObject' in document)) return document.swaggerObject;
      const { openapiObject } = document;
      for (const { url, method, bodyOptional } of routeTable) {
        const path = openapiObject.paths?.[url.replaceAll(/:(\w+)/g, '{$1}')];
        const operation = method === 'POST' ? path?.post : path?.delete;
        if (bodyOptional === true && operation?.requestBody !== undefined && 'required' in operation.requestBody) operation.requestBody.required = false;
      }
      return openapiObject;
    },
  };
}
