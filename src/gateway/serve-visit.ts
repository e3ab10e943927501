import { ClientNetworks } from '../core/access/client-networks.ts';
import type { ApiFormat, BodyRules } from '../core/catalog/service.ts';
import { KeyholdError } from '../ports/errors.ts';
import { after, type Soon } from '../ports/soon.ts';
import { admit, requireJson } from './admission.ts';
import { editBody, includeUsageEdit, modelEdit } from './body-edits.ts';
import type { BodyFacts } from './body-facts.ts';
import type { BodyMemory } from './body-memory.ts';
import { type CompiledRules, compileRules } from './body-rules.ts';
import { type Admitted, CallProvider, type Outgoing } from './call-provider.ts';
import { type CanonicalTarget, canonicalTarget } from './canonical-target.ts';
import { chatBody, CHAT_PATH, MAX_CHAT_BYTES, planChat, readChatRequest } from './chat-request.ts';
import { type Choice, chooseProvider } from './choose-provider.ts';
import type { GatewayDependencies } from './gateway-dependencies.ts';
import { LargeBodies } from './large-bodies.ts';
import type { OpenRequests } from './open-requests.ts';
import { upstreamQuery } from './query.ts';
import { readBody } from './read-body.ts';
import { readFacts } from './read-facts.ts';
import { RequestBody } from './request-body.ts';
import { noOutput } from './request-bounds.ts';
import { requirePresent } from './require-present.ts';
import { pathWithModel, type RouteMatch, RouteTable } from './route-table.ts';
import type { Upstreams } from './upstreams.ts';
import type { Visit } from './visit.ts';

/** Above this a body is read in a worker (S34). */
const LARGE_BODY_BYTES = 8 * 1024 * 1024;
/** Up to here a body's text is kept beside its bytes, which are all that `BodyMemory` counts: open requests are bounded far below what would make that matter. */
const KEPT_TWICE = 16 * 1024;

/** The steps of a request in their order (S34): refuse, admit, read, route, resolve, note, call. */
export class ServeVisit {
  readonly #deps: GatewayDependencies;
  readonly #provider: CallProvider;
  readonly #open: OpenRequests;
  readonly #memory: BodyMemory;
  readonly #routes: RouteTable;
  readonly #rules: Readonly<Record<ApiFormat, CompiledRules>>;
  readonly #largeBodies: LargeBodies;
  readonly #networks: ClientNetworks;

  constructor(deps: GatewayDependencies, upstreams: Upstreams, open: OpenRequests, memory: BodyMemory) {
    this.#deps = deps;
    this.#provider = new CallProvider(deps, upstreams);
    this.#open = open;
    this.#memory = memory;
    this.#routes = new RouteTable(deps.catalog);
    const rules: Readonly<Record<ApiFormat, BodyRules>> = { openai: deps.catalog.bodyRules('openai'), anthropic: deps.catalog.bodyRules('anthropic'), azure: deps.catalog.bodyRules('azure') };
    this.#rules = { openai: compileRules(rules.openai), anthropic: compileRules(rules.anthropic), azure: compileRules(rules.azure) };
    this.#largeBodies = new LargeBodies(rules);
    this.#networks = new ClientNetworks(deps);
  }

  async close(): Promise<void> {
    await this.#largeBodies.close();
  }

  /** Done when the upstream call has begun; throws, or rejects with, what the request is refused with. Waits for nothing that is known. */
  serve(visit: Visit): Soon<void> {
    const { request } = visit;
    if (request.headers['sec-fetch-mode'] === 'navigate') {
      throw new KeyholdError('permission_denied', 'This address is for programs, not for a browser\'s address bar.');
    }
    const target = (request.known.target ??= keylessTarget(request.target));
    return after(admit(request, this.#deps), (principal) => {
      visit.actor = principal.actor;
      this.#networks.require(principal, request.clientAddress, visit.requestId);
      return after(this.#deps.access.authorizeUse(principal.actor, visit.requestId), (grant) => this.#admitted({ visit, principal, grant }, target));
    });
  }

  #admitted(admitted: Admitted, target: CanonicalTarget): Soon<void> {
    const { visit, grant } = admitted;
    requirePresent(visit);
    this.#open.enter(grant.tenant);
    visit.tenant = grant.tenant;
    visit.callerStaleMs = this.#deps.staleness.callerMs(admitted.principal.actor, grant.tenant);
    const outgoing = target.path === CHAT_PATH ? this.#chat(admitted) : this.#forwarded(admitted, target);
    return after(outgoing, (known) => this.#provider.call(admitted, known));
  }

  #forwarded(admitted: Admitted, target: CanonicalTarget): Soon<Outgoing> {
    const { visit } = admitted;
    const { method } = visit.request;
    const match = (visit.request.known.route ??= this.#routes.find(method, target));
    // The address is not repeated: people paste keys into it, and this sentence is logged.
    if (match === undefined) throw new KeyholdError('not_found', `There is no route for ${method} at this address. GET /api/v1/services lists the routes of each service.`);
    visit.route = match.id;
    if (method === 'GET') return this.#withoutBody(admitted, match, target);
    requireJson(visit.request);
    return after(readBody(visit.request, this.#memory, admitted.grant.tenant), ({ bytes, release }) => {
      visit.body = new RequestBody(bytes, release);
      const read: Soon<ReadBody> = bytes.length > LARGE_BODY_BYTES ? this.#largeBodies.read(bytes, match.format) : readHere(bytes, this.#rules[match.format]);
      return after(read, (body) => after(this.#choose(admitted, match, match.pathModel ?? body.facts.model), (choice) => this.#withBody(visit, choice, target, body, release)));
    });
  }

  #withoutBody(admitted: Admitted, match: RouteMatch, target: CanonicalTarget): Soon<Outgoing> {
    return after(this.#choose(admitted, match, match.pathModel), ({ service, route, model }) => {
      admitted.visit.body = new RequestBody(null, () => undefined);
      return {
        service,
        route,
        model,
        models: model === null ? [] : [model],
        references: [],
        output: noOutput,
        endUser: null,
        path: pathWithModel(route.path, model ?? '') + upstreamQuery(target.query, route.query ?? []),
        usageAdded: false,
      };
    });
  }

  #withBody(visit: Visit, { service, route, model, prefixed }: Choice, target: CanonicalTarget, { body, facts, text }: ReadBody, release: () => void): Outgoing {
    const usageEdit = facts.stream && route.includeUsage === true ? includeUsageEdit(facts) : undefined;
    const edits = usageEdit === undefined ? [] : [usageEdit];
    const query = upstreamQuery(target.query, route.query ?? []);
    const inPath = route.model === 'path';
    const put = (name: string | null): string => {
      const named = name !== null && !inPath && name !== facts.model && facts.modelSpan !== null ? [...edits, modelEdit(facts.modelSpan, name)] : edits;
      visit.body = named.length === 0 ? new RequestBody(body, release, text) : new RequestBody(editBody(body, named), release);
      return (inPath ? pathWithModel(route.path, name ?? '') : route.path) + query;
    };
    return {
      service,
      route,
      model,
      models: modelsOf(model, facts, inPath),
      references: facts.references,
      output: facts,
      endUser: facts.endUser,
      path: put(prefixed || inPath ? model : facts.model),
      renamed: put,
      usageAdded: usageEdit !== undefined,
    };
  }

  #choose({ visit, principal, grant }: Admitted, match: RouteMatch, model: string | null): Soon<Choice> {
    const header = visit.request.headers['x-keyhold-provider'];
    return chooseProvider(this.#deps.catalog, {
      match,
      model,
      providerHeader: typeof header === 'string' ? header : undefined,
      defaults: () => {
        const own = principal.gatewayKey?.defaultProvider ?? null;
        if (own !== null) return [own];
        return after(this.#deps.policies.policyOf(grant.tenant), ({ defaultProvider }) => [defaultProvider, this.#deps.defaultProvider]);
      },
    });
  }

  async #chat({ visit, principal, grant }: Admitted): Promise<Outgoing> {
    const { catalog, policies, aiCredentials } = this.#deps;
    visit.route = CHAT_PATH.slice(1);
    if (visit.request.method !== 'POST') throw new KeyholdError('not_found', `There is no ${visit.request.method} ${CHAT_PATH}. Send a POST.`);
    requireJson(visit.request);
    const { bytes, release } = await readBody(visit.request, this.#memory, grant.tenant, MAX_CHAT_BYTES);
    visit.body = new RequestBody(bytes, release);
    const request = readChatRequest(bytes);
    const plan = await planChat(catalog, request, {
      gatewayKeyProvider: principal.gatewayKey?.defaultProvider ?? null,
      policy: () => policies.policyOf(grant.tenant),
      credentials: () => aiCredentials.of(grant.tenant),
    });
    visit.body = new RequestBody(chatBody(request, plan), release);
    const { service, route, model } = plan;
    return {
      service,
      route,
      model,
      models: [model],
      references: [],
      output: noOutput,
      endUser: null,
      path: route.path,
      renamed: (name) => {
        visit.body = new RequestBody(chatBody(request, { ...plan, model: name }), release);
        return route.path;
      },
      usageAdded: request.stream && route.includeUsage === true,
    };
  }
}

interface ReadBody {
  readonly body: Buffer;
  readonly facts: BodyFacts;
  /** The body, one character a byte, where that is small enough to be kept beside it until it has left. */
  readonly text?: string | undefined;
}

function readHere(body: Buffer, rules: CompiledRules): ReadBody {
  const text = body.toString('latin1');
  return { body, facts: readFacts(body, rules, text), text: body.length <= KEPT_TWICE ? text : undefined };
}

/** Throws for what `canonicalTarget` refuses, and for one that carries a key. */
function keylessTarget(text: string): CanonicalTarget {
  const target = canonicalTarget(text);
  upstreamQuery(target.query, []);
  return target;
}

/** Every model that the provider could run; one in the body beside one in the path is looked at, too (S8). */
function modelsOf(model: string | null, { model: inBody, otherModels }: BodyFacts, inPath: boolean): readonly string[] {
  if (model === null) return otherModels;
  return inPath && inBody !== null && inBody !== model ? [model, inBody, ...otherModels] : [model, ...otherModels];
}
