import type { Principal } from '../core/access/principals.ts';
import type { UseGrant } from '../core/access/grant.ts';
import type { ApiFormat, BodyRules, RouteSpec, Service } from '../core/catalog/service.ts';
import type { Resolved } from '../core/resolution/resolved.ts';
import { newUsageId } from '../core/usage/usage-id.ts';
import { KeyholdError } from '../ports/errors.ts';
import { SecretValue } from '../ports/secret-value.ts';
import { admit, requireJson } from './admission.ts';
import { editBody, includeUsageEdit, modelEdit } from './body-edits.ts';
import type { BodyFacts } from './body-facts.ts';
import type { BodyMemory } from './body-memory.ts';
import { type CompiledRules, compileRules } from './body-rules.ts';
import { type CanonicalTarget, canonicalTarget } from './canonical-target.ts';
import { chatBody, CHAT_PATH, MAX_CHAT_BYTES, planChat, readChatRequest } from './chat-request.ts';
import { chooseProvider } from './choose-provider.ts';
import { Exchange } from './exchange.ts';
import type { GatewayDependencies } from './gateway-dependencies.ts';
import { requireReach } from './gateway-key-limits.ts';
import { LargeBodies } from './large-bodies.ts';
import { estimatedTokens, Meter } from './meter.ts';
import type { OpenRequests } from './open-requests.ts';
import { upstreamQuery } from './query.ts';
import { readBody } from './read-body.ts';
import { readFacts } from './read-facts.ts';
import { RequestBody } from './request-body.ts';
import { pathWithModel, type RouteMatch, RouteTable } from './route-table.ts';
import { isShared, requireStateless } from './shared-credentials.ts';
import { keyOf } from './upstream-request.ts';
import type { Upstreams } from './upstreams.ts';
import type { Visit } from './visit.ts';

/** Above this a body is read in a worker (S34). */
const LARGE_BODY_BYTES = 8 * 1024 * 1024;

/** What is sent upstream, and what the checks have to know of it. */
interface Outgoing {
  readonly service: Service;
  readonly route: RouteSpec;
  /** As the provider names it. */
  readonly model: string | null;
  /** `model` and every other one the provider could run (S8). */
  readonly models: readonly string[];
  readonly references: readonly string[];
  readonly endUser: string | null;
  /** Below the endpoint's base, with the query. */
  readonly path: string;
  readonly usageAdded: boolean;
}

interface Admitted {
  readonly visit: Visit;
  readonly principal: Principal;
  readonly grant: UseGrant;
}

/** The steps of a request in their order (S34): refuse, admit, read, route, resolve, note, call. */
export class ServeVisit {
  readonly #deps: GatewayDependencies;
  readonly #upstreams: Upstreams;
  readonly #open: OpenRequests;
  readonly #memory: BodyMemory;
  readonly #routes: RouteTable;
  readonly #rules: Readonly<Record<ApiFormat, CompiledRules>>;
  readonly #largeBodies: LargeBodies;

  constructor(deps: GatewayDependencies, upstreams: Upstreams, open: OpenRequests, memory: BodyMemory) {
    this.#deps = deps;
    this.#upstreams = upstreams;
    this.#open = open;
    this.#memory = memory;
    this.#routes = new RouteTable(deps.catalog);
    const rules: Readonly<Record<ApiFormat, BodyRules>> = { openai: deps.catalog.bodyRules('openai'), anthropic: deps.catalog.bodyRules('anthropic') };
    this.#rules = { openai: compileRules(rules.openai), anthropic: compileRules(rules.anthropic) };
    this.#largeBodies = new LargeBodies(rules);
  }

  async close(): Promise<void> {
    await this.#largeBodies.close();
  }

  /** Resolves when the upstream call has begun; throws what the request is refused with. */
  async serve(visit: Visit): Promise<void> {
    const { request } = visit;
    if (request.headers['sec-fetch-mode'] === 'navigate') {
      throw new KeyholdError('permission_denied', 'This address is for programs, not for a browser\'s address bar.');
    }
    const target = canonicalTarget(request.url ?? '/');
    upstreamQuery(target.query, []);
    const principal = await admit(request, this.#deps);
    visit.actor = principal.actor;
    const grant = await this.#deps.access.authorizeUse(principal.actor, visit.requestId);
    requirePresent(visit);
    this.#open.enter(grant.tenant);
    visit.tenant = grant.tenant;
    const admitted: Admitted = { visit, principal, grant };
    const outgoing = target.path === CHAT_PATH ? await this.#chat(admitted) : await this.#forwarded(admitted, target);
    await this.#call(admitted, outgoing);
  }

  async #forwarded(admitted: Admitted, target: CanonicalTarget): Promise<Outgoing> {
    const { visit } = admitted;
    const method = visit.request.method ?? 'GET';
    const match = this.#routes.find(method, target);
    // The address is not repeated: people paste keys into it, and this sentence is logged.
    if (match === undefined) throw new KeyholdError('not_found', `There is no route for ${method} at this address. GET /api/v1/services lists the routes of each service.`);
    visit.route = match.id;
    if (method === 'GET') return this.#withoutBody(admitted, match, target);
    requireJson(visit.request);
    const { bytes, release } = await readBody(visit.request, this.#memory, admitted.grant.tenant);
    visit.body = new RequestBody(bytes, release);
    const read = bytes.length > LARGE_BODY_BYTES ? await this.#largeBodies.read(bytes, match.format) : { body: bytes, facts: readFacts(bytes, this.#rules[match.format]) };
    return this.#withBody(admitted, match, target, read.body, read.facts, release);
  }

  async #withoutBody(admitted: Admitted, match: RouteMatch, target: CanonicalTarget): Promise<Outgoing> {
    const choice = await this.#choose(admitted, match, match.pathModel);
    const { service, route, model } = choice;
    admitted.visit.body = new RequestBody(null, () => undefined);
    return {
      service,
      route,
      model,
      models: model === null ? [] : [model],
      references: [],
      endUser: null,
      path: pathWithModel(route.path, model ?? '') + upstreamQuery(target.query, route.query ?? []),
      usageAdded: false,
    };
  }

  async #withBody(admitted: Admitted, match: RouteMatch, target: CanonicalTarget, body: Buffer, facts: BodyFacts, release: () => void): Promise<Outgoing> {
    const { service, route, model, prefixed } = await this.#choose(admitted, match, facts.model);
    const usageEdit = facts.stream && route.includeUsage === true ? includeUsageEdit(facts) : undefined;
    const edits = usageEdit === undefined ? [] : [usageEdit];
    if (prefixed && model !== null && facts.modelSpan !== null) edits.push(modelEdit(facts.modelSpan, model));
    admitted.visit.body = new RequestBody(editBody(body, edits), release);
    return {
      service,
      route,
      model,
      models: model === null ? facts.otherModels : [model, ...facts.otherModels],
      references: facts.references,
      endUser: facts.endUser,
      path: route.path + upstreamQuery(target.query, route.query ?? []),
      usageAdded: usageEdit !== undefined,
    };
  }

  #choose({ visit, principal, grant }: Admitted, match: RouteMatch, model: string | null): ReturnType<typeof chooseProvider> {
    const header = visit.request.headers['x-keyhold-provider'];
    return chooseProvider(this.#deps.catalog, {
      match,
      model,
      providerHeader: typeof header === 'string' ? header : undefined,
      defaults: async () => {
        const own = principal.gatewayKey?.defaultProvider ?? null;
        return own === null ? [(await this.#deps.policies.policyOf(grant.tenant)).defaultProvider, this.#deps.defaultProvider] : [own];
      },
    });
  }

  async #chat({ visit, principal, grant }: Admitted): Promise<Outgoing> {
    const { catalog, policies, aiCredentialsOf } = this.#deps;
    visit.route = CHAT_PATH.slice(1);
    if (visit.request.method !== 'POST') throw new KeyholdError('not_found', `There is no ${visit.request.method ?? 'GET'} ${CHAT_PATH}. Send a POST.`);
    requireJson(visit.request);
    const { bytes, release } = await readBody(visit.request, this.#memory, grant.tenant, MAX_CHAT_BYTES);
    visit.body = new RequestBody(bytes, release);
    const request = readChatRequest(bytes);
    const plan = await planChat(catalog, request, {
      gatewayKeyProvider: principal.gatewayKey?.defaultProvider ?? null,
      policy: () => policies.policyOf(grant.tenant),
      credentials: () => aiCredentialsOf(grant.tenant),
    });
    visit.body = new RequestBody(chatBody(request, plan), release);
    const { service, route, model } = plan;
    return {
      service,
      route,
      model,
      models: [model],
      references: [],
      endUser: null,
      path: route.path,
      usageAdded: request.stream && route.includeUsage === true,
    };
  }

  /** From here on a key is found, the request is noted, and the provider is called. */
  async #call({ visit, principal, grant }: Admitted, outgoing: Outgoing): Promise<void> {
    const { resolver, log } = this.#deps;
    const { service, route } = outgoing;
    visit.service = service.id;
    visit.route = route.id;
    if (principal.gatewayKey !== null) requireReach(principal.gatewayKey, service, route, outgoing.models);
    const upstream = this.#upstreams.find(service.id, route.format);
    if (upstream === undefined) throw new KeyholdError('internal', `${service.id} has no endpoint for this route.`);
    const requireServable = (candidate: Resolved): void => {
      keyOf(upstream, candidate);
      if (isShared(candidate.source)) requireStateless({ ...outgoing, gateway: upstream.gateway, rules: upstream.endpoint.body });
    };
    const resolved = await resolver.resolve(grant, { service, explicitKey: explicitKey(visit) });
    requireServable(resolved);
    visit.keySource = resolved.source;
    const meter = this.#meter(visit, principal, grant.tenant, resolved, outgoing);
    requirePresent(visit);
    await meter.begin();
    visit.meter = meter;
    requirePresent(visit);
    visit.exchange = new Exchange(
      {
        upstream,
        route,
        path: upstream.basePath + outgoing.path,
        model: outgoing.model,
        rawHeaders: visit.request.rawHeaders,
        body: visit.body ?? new RequestBody(null, () => undefined),
        usageAdded: outgoing.usageAdded,
        tenant: grant.tenant,
        resolved,
        meter,
        shape: visit.shape,
        requestId: visit.requestId,
        answer: visit.answer,
        requireServable,
      },
      resolver,
      log,
    );
    visit.exchange.start();
  }

  #meter(visit: Visit, { actor, gatewayKey }: Principal, tenant: string, resolved: Resolved, outgoing: Outgoing): Meter {
    const { journal, clock, random, log } = this.#deps;
    const now = clock.now();
    return new Meter(
      journal,
      clock,
      log,
      {
        id: newUsageId(now, random),
        startedAt: now,
        tenant,
        service: outgoing.service.id,
        model: outgoing.model,
        route: outgoing.route.id,
        keySource: resolved.source,
        credentialId: resolved.credentialId,
        credentialVersion: resolved.credentialVersion,
        gatewayKeyId: actor.kind === 'gateway-key' ? actor.id : null,
        tokenId: actor.kind === 'token' ? actor.id : null,
        tags: gatewayKey?.tags ?? {},
        endUser: outgoing.endUser,
        estimatedInputTokens: outgoing.route.usage === 'none' ? 0 : estimatedTokens(visit.body?.length ?? 0),
      },
      visit.startedAt,
    );
  }
}

/** The caller's own provider key for this request (R0.4). */
function explicitKey({ request }: Visit): SecretValue | undefined {
  const presented = request.headers['x-keyhold-api-key'];
  return typeof presented === 'string' ? new SecretValue(presented) : undefined;
}

/** Throws `canceled` when nobody waits for the answer any more. */
function requirePresent({ response }: Visit): void {
  if (response.destroyed) throw new KeyholdError('canceled', 'The client left before its request was served.');
}
