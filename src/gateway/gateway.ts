import type { IncomingMessage, ServerResponse } from 'node:http';
import { errorStatus } from '../http/error-status.ts';
import { requestIdFor } from '../http/request-id.ts';
import { asKeyholdError, KeyholdError } from '../ports/errors.ts';
import type { Soon } from '../ports/soon.ts';
import type { TokenCounts } from '../ports/usage.ts';
import { BodyMemory } from './body-memory.ts';
import { CHAT_PATH } from './chat-request.ts';
import type { ClientRequest, ClientResponse } from './client/client.ts';
import { HttpRequest, HttpResponse } from './client/http-client.ts';
import { ClientAnswer } from './client-answer.ts';
import { shownError } from './error-shapes.ts';
import type { GatewayDependencies } from './gateway-dependencies.ts';
import { OpenRequests } from './open-requests.ts';
import { shapeOf } from './route-table.ts';
import { ServeVisit } from './serve-visit.ts';
import { noTokens } from './token-counts.ts';
import { Upstreams } from './upstreams.ts';
import { VisitList } from './visit-list.ts';
import type { Visit } from './visit.ts';
import { Watch } from './watch.ts';

/** The hot path (DESIGN): takes requests, calls providers. */
export interface Gateway {
  /** Whether a request target, as it came, is the gateway's to answer. */
  owns(target: string): boolean;
  /** One that came through node:http. */
  handle(request: IncomingMessage, response: ServerResponse): void;
  serve(request: ClientRequest, response: ClientResponse): void;
  /** Keeps no connection open from now on; resolves when nothing is under way. */
  drain(): Promise<void>;
  /** Breaks off everything that is under way, and closes the connections to the providers. */
  abortAll(): void;
  openRequests(): number;
}

const ROOTS = ['/v1', '/anthropic', '/proxy', CHAT_PATH];

export function createGateway(deps: GatewayDependencies): Gateway {
  return new HttpGateway(deps);
}

class HttpGateway implements Gateway {
  readonly #deps: GatewayDependencies;
  readonly #upstreams: Upstreams;
  readonly #openRequests: OpenRequests;
  readonly #serve: ServeVisit;
  readonly #visits = new VisitList();
  readonly #watch: Watch;
  readonly #idle: (() => void)[] = [];
  #draining = false;

  constructor(deps: GatewayDependencies) {
    this.#deps = deps;
    this.#upstreams = new Upstreams(deps.catalog, deps.baseUrls, deps.egress);
    this.#openRequests = deps.openRequests ?? new OpenRequests({ limit: deps.limits?.openPerTenant });
    const memory = new BodyMemory(deps.limits?.bodyBytesPerProcess, deps.limits?.bodyBytesPerTenant);
    this.#watch = new Watch({ ...deps, visits: this.#visits });
    this.#serve = new ServeVisit(deps, this.#upstreams, this.#openRequests, memory);
  }

  owns(target: string): boolean {
    // A target with a host in it is nobody's; it is refused here, where it could have reached a provider (GHSA-4xpc).
    if (!target.startsWith('/')) return target !== '*';
    return ROOTS.some((root) => target.startsWith(root) && (target.length === root.length || target[root.length] === '/' || target[root.length] === '?'));
  }

  handle(request: IncomingMessage, response: ServerResponse): void {
    this.serve(new HttpRequest(request, this.#deps.clientAddresses, this.#deps.clientCertificates), new HttpResponse(request, response));
  }

  serve(request: ClientRequest, response: ClientResponse): void {
    const { clock, random, metrics } = this.#deps;
    const presentedId = request.headers['x-request-id'];
    const requestId = requestIdFor(typeof presentedId === 'string' ? presentedId : undefined, random);
    const { target } = request;
    const visit: Visit = {
      request,
      response,
      answer: new ClientAnswer(response, requestId, clock, () => this.#draining),
      requestId,
      shape: target === CHAT_PATH || target.startsWith(`${CHAT_PATH}?`) || target.startsWith(`${CHAT_PATH}/`) ? 'keyhold' : shapeOf(target),
      startedAt: clock.monotonic(),
      tenant: undefined,
      service: 'none',
      route: 'none',
      keySource: 'none',
      body: undefined,
      admission: undefined,
      meter: undefined,
      exchange: undefined,
      actor: undefined,
      callerStaleMs: 0,
      place: -1,
    };
    this.#visits.add(visit);
    metrics.openRequests(this.#visits.size);
    response.onClosed(() => this.#closed(visit));
    let served: Soon<void>;
    try {
      served = this.#serve.serve(visit);
    } catch (error) {
      this.#refuse(visit, error);
      return;
    }
    if (served instanceof Promise) served.catch((error: unknown) => this.#refuse(visit, error));
  }

  async drain(): Promise<void> {
    this.#draining = true;
    if (this.#visits.size === 0) return;
    await new Promise<void>((resolve) => {
      this.#idle.push(resolve);
    });
  }

  abortAll(): void {
    const stopping = new KeyholdError('unavailable', 'Keyhold is stopping and could not finish this request. Send it again.', { retryAfterSeconds: 5 });
    for (const { answer, exchange } of this.#visits.all()) {
      if (exchange === undefined) answer.breakOff('');
      // Before the upstreams go, so that what we end ourselves counts as aborted, and not as a failure of the provider's.
      else exchange.cutOff(stopping);
    }
    this.#watch.stop();
    this.#upstreams.destroy();
    void this.#serve.close();
  }

  openRequests(): number {
    return this.#visits.size;
  }

  /** The answer is over, or the client is gone. */
  #closed(visit: Visit): void {
    if (!this.#visits.remove(visit)) return;
    const { metrics, clock, log } = this.#deps;
    visit.exchange?.clientLeft();
    visit.admission?.end(tokensOf(visit.meter?.ending?.counts));
    visit.body?.release();
    if (visit.tenant !== undefined) this.#openRequests.leave(visit.tenant);
    metrics.openRequests(this.#visits.size);
    // Node has 200 there until a head is sent.
    const status = visit.answer.headSent ? visit.response.status : errorStatus('canceled');
    const durationMs = clock.monotonic() - visit.startedAt;
    if (log.debugs !== false) log.debug('gateway_request', 'A gateway request is over', { requestId: visit.requestId, tenant: visit.tenant, service: visit.service, route: visit.route, status, durationMs });
    metrics.gatewayRequest({
      service: visit.service,
      route: visit.route,
      status,
      outcome: visit.meter?.ending?.outcome ?? 'refused',
      keySource: visit.keySource,
      durationMs,
      firstByteMs: visit.meter?.firstTokenMs ?? null,
    });
    if (this.#visits.size === 0) for (const resolve of this.#idle.splice(0)) resolve();
  }

  /** What was refused before a provider was called. */
  #refuse(visit: Visit, cause: unknown): void {
    const error = asKeyholdError(cause);
    const fields = { requestId: visit.requestId, tenant: visit.tenant, service: visit.service, route: visit.route, code: error.code };
    if (error.code === 'internal' || error.code === 'corrupt') this.#deps.log.error('gateway_failed', 'A gateway request failed inside Keyhold', { ...fields, error: cause });
    else if (error.code === 'unavailable') this.#deps.log.warn('gateway_unavailable', error.publicMessage, { ...fields, error: cause });
    // Not with the sentence that the caller gets: it may repeat what the caller sent.
    else this.#deps.log.debug('gateway_refused', 'A gateway request was refused', fields);
    visit.body?.release();
    // Begun and not called: nothing was used, and the journal's entry is closed as such.
    if (visit.exchange === undefined && visit.meter !== undefined && visit.keySource !== 'none') {
      void visit.meter.end(
        { outcome: error.code === 'canceled' ? 'aborted' : 'failed', status: null, counts: noTokens, estimated: false },
        { keySource: visit.keySource, credentialId: null, credentialVersion: null, attempts: 0 },
      );
    }
    try {
      visit.answer.error(shownError(error), visit.shape);
      visit.request.discardRest();
    } catch (failure) {
      this.#deps.log.error('gateway_failed', 'An error could not be answered', { ...fields, error: failure });
      visit.response.destroy();
    }
  }
}

/** What counts for limits, and for people; undefined where no provider was called. */
function tokensOf(counts: TokenCounts | undefined): number | undefined {
  return counts === undefined ? undefined : counts.inputTokens + counts.outputTokens;
}
