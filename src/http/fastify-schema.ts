import type { FastifySchema } from 'fastify';
import { STATUS_CODES } from 'node:http';
import { type TObject, Type } from 'typebox';
import type { Route } from './route.ts';
import { errorSchema } from './schemas/error.ts';

/** For a query or body of which nothing is expected: anything that comes is refused by name. */
export const nothing = Type.Object({}, { additionalProperties: false });

const ifMatch = Type.Optional(Type.String({ description: 'The ETag that the thing must still have: otherwise 412, and nothing is changed.' }));
const idempotencyKey = Type.Optional(Type.String({ description: 'A repeat with the same key within 24 hours finds what the first request made.' }));

/** A route's schema as fastify checks requests, writes answers and describes the API by it. */
export function fastifySchema(route: Route): FastifySchema {
  const { schema, statuses, summary, tag } = route;
  const answers = statuses.map((status) => [status, answerSchema(route, status)] as const);
  return {
    operationId: operationId(route),
    summary,
    tags: [tag],
    security: securityOf(route),
    ...(schema.params === undefined ? {} : { params: schema.params }),
    // Probes are asked by machines that add queries of their own to keep caches away.
    ...(route.kind === 'open' ? {} : { querystring: schema.query ?? nothing }),
    ...headersSchema(route),
    ...(route.takesForms === true ? { consumes: ['application/x-www-form-urlencoded'] } : {}),
    ...(route.method === 'GET' ? {} : { body: schema.body ?? nothing }),
    response: { ...Object.fromEntries(answers), default: errorSchema },
  };
}

/** A 204 has no content, whatever the route's other answers have. */
function answerSchema({ schema, mediaType }: Route, status: number): object {
  const description = STATUS_CODES[status] ?? '';
  const answer = status === 204 ? Type.Null() : (schema.answer ?? Type.Null());
  return mediaType === undefined ? { ...answer, description } : { description, content: { [mediaType]: { schema: answer } } };
}

/** A name for generated clients: `getTenantsCredentials`, `postTenantsTokens`; what stands in braces is an argument. */
function operationId({ method, url }: Route): string {
  const words = url
    .replace('/api/v1/', '/')
    .split('/')
    .filter((word) => word !== '')
    .map((word) => (word.startsWith(':') ? `by-${word.slice(1)}` : word).replaceAll(/(?:^|[-._])(\w)/g, (_, first: string) => first.toUpperCase()));
  return method.toLowerCase() + words.join('');
}

/** `{}` beside the token: it is needed in some installations only. */
function securityOf(route: Route): { readonly token?: string[]; readonly session?: string[] }[] {
  if (route.kind === 'guarded') return route.accepts.includes('t') ? [{ token: [] }, { session: [] }] : [{ token: [] }];
  if (route.kind === 'entry') return [];
  return route.guardedOffLoopback === undefined ? [] : [{}, { token: [] }, { session: [] }];
}

function headersSchema({ conditional = false, creates = false }: Route): { headers?: TObject } {
  if (!conditional && !creates) return {};
  return { headers: Type.Object({ ...(conditional ? { 'if-match': ifMatch } : {}), ...(creates ? { 'idempotency-key': idempotencyKey } : {}) }) };
}
