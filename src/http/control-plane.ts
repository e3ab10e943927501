import swagger from '@fastify/swagger';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import fastify, { type FastifyError, type FastifyReply, type FastifyRequest } from 'fastify';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { ClientNetworks } from '../core/access/client-networks.ts';
import { asKeyholdError, KeyholdError } from '../ports/errors.ts';
import { apiDescription } from './api-description.ts';
import { compilersWhenUsed } from './compile-when-used.ts';
import type { ControlPlaneServices } from './control-plane-services.ts';
import { errorAnswer } from './error-answer.ts';
import { recordRequest } from './record-request.ts';
import { requestIdFor } from './request-id.ts';
import { formIn } from './form-body.ts';
import { frameworkRefusal, schemaRefusal } from './request-refusal.ts';
import type { RouteServices } from './route.ts';
import { routeTable } from './route-table.ts';
import { securityHeaders } from './security-headers.ts';
import { type App, type RequestState, serveRoute, type StateOf } from './serve-route.ts';
import { parseStrictJson } from '../core/json/strict-json.ts';
import { BODY_LIMIT, wholeBody } from './whole-body.ts';

/** The resource API and the documented endpoints, behind a listener that others own. */
export interface ControlPlane {
  handle(request: IncomingMessage, response: ServerResponse): void;
  close(): Promise<void>;
  /** The API description (OpenAPI 3.1). */
  openapi(): object;
}

/** Resolves when every route can answer. */
export async function createControlPlane(services: ControlPlaneServices): Promise<ControlPlane> {
  const { clock, log, metrics, random } = services;
  const headers = securityHeaders(services.listensWithTls);
  const app = createApp(random, headers);
  const states = new WeakMap<FastifyRequest, RequestState>();
  const stateOf = (request: FastifyRequest): RequestState => {
    const state = states.get(request) ?? { startedAt: clock.monotonic() };
    states.set(request, state);
    return state;
  };

  readBodies(app, stateOf);
  app.addHook('onRequest', async (request, reply) => {
    stateOf(request);
    reply.headers({ ...headers, 'x-request-id': request.id });
    // A body that nobody will look at is not read.
    if (request.is404) throw nothingHere();
  });
  app.addHook('onResponse', async (request, reply) => {
    recordRequest({ request, reply, state: stateOf(request), clock, log, metrics });
  });
  app.setNotFoundHandler(() => {
    throw nothingHere();
  });
  app.setErrorHandler((error: FastifyError, request, reply) => {
    const known = translated(error);
    stateOf(request).error = known;
    return sendError(known, request, reply);
  });

  const running: RouteServices = { ...services, openapi: () => app.swagger(), clientNetworks: new ClientNetworks(services) };
  await app.register(swagger, apiDescription(services.version));
  await app.register(async (scope: App) => {
    for (const route of routeTable) serveRoute(scope, route, running, stateOf);
  });
  await app.ready();

  return {
    handle: (request, response) => app.routing(request, response),
    close: async () => app.close(),
    openapi: () => app.swagger(),
  };
}

function createApp(random: ControlPlaneServices['random'], headers: Readonly<Record<string, string>>): App {
  const { validators, serializers } = compilersWhenUsed();
  return fastify({
    // The listener is not fastify's: one server answers for the gateway and the control plane. This one never listens.
    serverFactory: (handler) => createServer(handler),
    logger: false,
    return503OnClosing: false,
    genReqId: (request) => requestIdFor(one(request.headers['x-request-id']), random),
    requestIdHeader: false,
    bodyLimit: BODY_LIMIT,
    frameworkErrors: (error, request, reply) => {
      reply.headers({ ...headers, 'x-request-id': request.id });
      void sendError(translated(error), request, reply);
    },
    routerOptions: { maxParamLength: 256 },
  })
    .withTypeProvider<TypeBoxTypeProvider>()
    .setValidatorCompiler(validators)
    .setSerializerCompiler(serializers);
}

const formRoutes: ReadonlySet<string | undefined> = new Set(routeTable.filter(({ takesForms }) => takesForms === true).map(({ url }) => url));

function notJson(): KeyholdError {
  return new KeyholdError('invalid_argument', 'The request body must be JSON. Send the header Content-Type: application/json.');
}

/** Bodies are JSON, but for the few that other services send as forms, read by our own parsers; anything else is told what to send. */
function readBodies(app: App, stateOf: StateOf): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', async (request: FastifyRequest, payload: IncomingMessage) => {
    refuseEncodings(request);
    const body = await wholeBody(payload, request.routeOptions.bodyLimit);
    if (request.headers['idempotency-key'] !== undefined) stateOf(request).body = body;
    return body.length === 0 ? undefined : parseStrictJson(body);
  });
  app.addContentTypeParser('application/x-www-form-urlencoded', async (request: FastifyRequest, payload: IncomingMessage) => {
    if (!formRoutes.has(request.routeOptions.url)) throw notJson();
    refuseEncodings(request);
    return formIn(await wholeBody(payload, request.routeOptions.bodyLimit));
  });
  app.addContentTypeParser('*', (_request, _payload, done) => {
    done(notJson());
  });
}

function refuseEncodings(request: FastifyRequest): void {
  const encoding = request.headers['content-encoding'] ?? 'identity';
  if (encoding.toLowerCase() !== 'identity') {
    throw new KeyholdError('invalid_argument', 'Compressed request bodies are not read here. Send the body without Content-Encoding.');
  }
  const charset = /;\s*charset\s*=\s*"?([^";\s]*)/i.exec(request.headers['content-type'] ?? '')?.[1];
  if (charset !== undefined && !/^utf-?8$/i.test(charset)) {
    throw new KeyholdError('invalid_argument', 'The request body must be UTF-8. Leave charset out of Content-Type.');
  }
}

function translated(error: FastifyError): KeyholdError {
  if (error instanceof KeyholdError) return error;
  if (error.validation !== undefined) return schemaRefusal(error.validation, error.validationContext ?? '');
  return frameworkRefusal(error.code, error.statusCode) ?? asKeyholdError(error);
}

function sendError(error: KeyholdError, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const { status, headers, body } = errorAnswer(error, request.id);
  // fastify closes the connection under an unread body, and a caller who still sends would see a reset instead of the answer.
  // Node reads the rest and throws it away, within the listener's time limit.
  if (reply.hasHeader('connection')) reply.removeHeader('connection');
  return reply.code(status).headers(headers).type('application/json; charset=utf-8').serializer(JSON.stringify).send(body);
}

function nothingHere(): KeyholdError {
  return new KeyholdError('not_found', 'There is nothing at this address for this method. GET /api/v1/openapi.json lists what there is.');
}

function one(header: string | string[] | undefined): string | undefined {
  return typeof header === 'string' ? header : undefined;
}
