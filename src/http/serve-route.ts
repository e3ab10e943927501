import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyBaseLogger, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { TSchema } from 'typebox';
import type { Action } from '../core/access/actions.ts';
import type { Actor } from '../core/access/actor.ts';
import type { IdempotentRequest } from '../core/access/idempotency.ts';
import type { Principal } from '../core/access/principals.ts';
import { type Resource, resourceText } from '../core/access/resource.ts';
import { entityTag, type IfMatch } from '../core/versions/etag.ts';
import { KeyholdError } from '../ports/errors.ts';
import { platformScope } from '../ports/scope.ts';
import { addressOf, admit } from './admission.ts';
import { parseIfMatch } from './conditions.ts';
import { fastifySchema } from './fastify-schema.ts';
import type { Answer, EntryRoute, GuardedRoute, OpenRoute, ResourceRequest, Route, RouteInput, RouteServices } from './route.ts';

export type App = FastifyInstance<Server, IncomingMessage, ServerResponse, FastifyBaseLogger, TypeBoxTypeProvider>;

/** What is known of a request while it is under way, for the log and for the route's own steps. */
export interface RequestState {
  readonly startedAt: number;
  principal?: Principal;
  resource?: Resource;
  /** The body as it came, where an `Idempotency-Key` is compared over it. */
  body?: Buffer;
  error?: KeyholdError;
}

/** Nothing that somebody signs in with is longer. */
const ENTRY_BODY_BYTES = 16 * 1024;

export type StateOf = (request: FastifyRequest) => RequestState;

/** Puts a route of the table behind its checks. There is no other way to put one there. */
export function serveRoute(app: App, route: Route, services: RouteServices, stateOf: StateOf): void {
  if (route.kind === 'guarded') serveGuarded(app, route, services, stateOf);
  else if (route.kind === 'entry') serveEntry(app, route, services);
  else serveOpen(app, route, services, stateOf);
}

/**
 * The order of every request (S34): who is it (401, 429), may they do this to that thing (404, 403), only then the body is read
 * and checked (400, 413), then `Access.perform` decides again, writes the intent row and runs the operation with its grant.
 */
function serveGuarded(app: App, route: GuardedRoute, services: RouteServices, stateOf: StateOf): void {
  const name = async (request: FastifyRequest, body: ResourceRequest['body']): Promise<void> => {
    const state = stateOf(request);
    const { actor } = principalOf(state);
    const resource = route.resource({ actor, params: properties(request.params), query: properties(request.query), body });
    if (resource === undefined) return;
    await services.access.check(actor, route.action, resource, request.id);
    state.resource = resource;
  };
  app.route({
    method: route.method,
    url: route.url,
    schema: fastifySchema(route),
    onRequest: async (request) => {
      services.ownAddress.requireKnownHost(request.raw);
      stateOf(request).principal = await admit(request.raw, request.id, route.accepts, services);
      await name(request, undefined);
    },
    preValidation: async (request) => {
      if (route.namedInBody === true) await name(request, { json: request.body });
      if (takesBody(route) && isOptionalBody(route) && request.body === undefined) request.body = {};
    },
    handler: async (request, reply) => {
      const state = stateOf(request);
      const { actor } = principalOf(state);
      if (state.resource === undefined) throw new KeyholdError('internal', 'The route does not say what the request is about.');
      const list = [route.url, resourceText(state.resource)];
      const input: RouteInput<{ readonly answer: TSchema }> = {
        params: request.params,
        query: withOpenCursor(request.query, list, services),
        body: request.body,
        requestId: request.id,
        ifMatch: conditionOf(request, route),
        idempotent: route.creates === true ? idempotent(request, state, actor, state.resource, services) : undefined,
      };
      const { access } = services;
      const options = { urgent: route.urgent?.(input.body) === true };
      const answer = await access.perform(actor, route.action, state.resource, request.id, (grant) => route.handle(grant, input, services), options);
      return send(reply, { ...answer, body: withSealedCursor(answer.body, list, services) });
    },
  });
}

/** Nobody is known yet, so the body is read first, a small one. What changes something is taken from no other site's page. */
function serveEntry(app: App, route: EntryRoute, services: RouteServices): void {
  app.route({
    method: route.method,
    url: route.url,
    schema: fastifySchema(route),
    bodyLimit: ENTRY_BODY_BYTES,
    onRequest: async (request) => {
      services.ownAddress.requireKnownHost(request.raw);
      if (takesBody(route)) services.ownAddress.requireOwnPage(request.raw, { mustTell: false });
    },
    handler: async (request, reply) => {
      const { query, body, id: requestId, raw } = request;
      return send(reply, await route.handle({ query, body, requestId, rawHeaders: raw.rawHeaders, address: addressOf(raw, services) }, services));
    },
  });
}

function serveOpen(app: App, route: OpenRoute, services: RouteServices, stateOf: StateOf): void {
  const guard: Action | undefined = services.listenIsLoopback ? undefined : route.guardedOffLoopback;
  const resource: Resource = { scope: platformScope };
  app.route({
    method: route.method,
    url: route.url,
    schema: fastifySchema(route),
    onRequest: async (request) => {
      // Open to this machine, and to no page that has made its own name lead here.
      if (route.guardedOffLoopback !== undefined && guard === undefined) services.ownAddress.requireKnownHost(request.raw);
      if (guard === undefined) return;
      const principal = await admit(request.raw, request.id, ['t'], services);
      stateOf(request).principal = principal;
      await services.access.check(principal.actor, guard, resource, request.id);
    },
    handler: async (_request, reply) => send(reply, await route.handle(services)),
  });
}

function principalOf({ principal }: RequestState): Principal {
  if (principal === undefined) throw new KeyholdError('internal', 'A guarded route ran before its caller was known.');
  return principal;
}

function conditionOf({ headers }: FastifyRequest, { method, conditional = false }: GuardedRoute): IfMatch | undefined {
  const condition = parseIfMatch(headers['if-match']);
  if (condition === undefined || conditional || method === 'GET') return condition;
  throw new KeyholdError('invalid_argument', 'This address does not take If-Match. Nothing was changed; send the request without it.', { details: { header: 'if-match' } });
}

function idempotent(request: FastifyRequest, state: RequestState, actor: Actor, { scope }: Resource, { idempotency }: RouteServices): IdempotentRequest | undefined {
  const key = request.headers['idempotency-key'];
  if (key === undefined) return undefined;
  return idempotency.request({
    actor,
    tenant: scope.kind === 'tenant' ? scope.tenant : null,
    method: request.method,
    path: request.url.split('?', 1)[0] ?? request.url,
    key: typeof key === 'string' ? key : key.join(', '),
    body: state.body ?? '',
  });
}

/** Where a page begins, as the services know it. Here and nowhere else, so that no list can forget it. */
function withOpenCursor(query: unknown, list: readonly string[], { cursors }: RouteServices): unknown {
  const { cursor } = properties(query);
  return typeof cursor === 'string' ? { ...properties(query), cursor: cursors.open(list, cursor) } : query;
}

/** Callers get a cursor that only this list can read (R10.2). */
function withSealedCursor(body: unknown, list: readonly string[], { cursors }: RouteServices): unknown {
  const { nextCursor } = properties(body);
  return typeof nextCursor === 'string' ? { ...properties(body), nextCursor: cursors.seal(list, nextCursor) } : body;
}

function send(reply: FastifyReply, { status, body, etag, contentType, location, cookies }: Answer): FastifyReply {
  if (cookies !== undefined) reply.header('set-cookie', cookies);
  if (location !== undefined) reply.header('location', location);
  if (etag !== undefined) reply.header('etag', entityTag(etag));
  if (contentType !== undefined) reply.type(contentType);
  return body === null ? reply.code(status).send() : reply.code(status).send(body);
}

function properties(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

function takesBody({ method }: Route): boolean {
  return method !== 'GET';
}

function isOptionalBody({ schema, bodyOptional = false }: Route): boolean {
  return bodyOptional || schema.body === undefined;
}
