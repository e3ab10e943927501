import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Access } from '../core/access/authorize.ts';
import type { Principals } from '../core/access/principals.ts';
import type { UnknownKeys } from '../core/access/unknown-keys.ts';
import type { AuditLog } from '../core/audit/audit-log.ts';
import type { Catalog } from '../core/catalog/catalog.ts';
import type { Resolver } from '../core/resolution/resolver.ts';
import type { Policies } from '../core/tenants/policies.ts';
import { requestIdFor } from '../http/request-id.ts';
import type { Clock, RandomBytes } from '../ports/clock.ts';
import { asKeyholdError } from '../ports/errors.ts';
import type { Log } from '../ports/log.ts';
import type { Metrics } from '../ports/metrics.ts';
import type { UsageJournal } from '../ports/usage-journal.ts';
import { BodyMemory } from './body-memory.ts';
import { CHAT_PATH } from './chat-request.ts';
import { ClientAnswer } from './client-answer.ts';
import { discardRest } from './discard-rest.ts';
import { shownError } from './error-shapes.ts';
import { OpenRequests } from './open-requests.ts';
import { formatOf } from './route-table.ts';
import { ServeVisit } from './serve-visit.ts';
import { noTokens } from './token-counts.ts';
import { Upstreams } from './upstreams.ts';
import { VisitList } from './visit-list.ts';
import type { Visit } from './visit.ts';

/** What the gateway is thin over. */
export interface GatewayDependencies {
  readonly catalog: Catalog;
  readonly principals: Pick<Principals, 'authenticate'>;
  readonly unknownKeys: Pick<UnknownKeys, 'blockedFor' | 'note'>;
  readonly access: Pick<Access, 'authorizeUse'>;
  readonly policies: Pick<Policies, 'policyOf'>;
  readonly resolver: Pick<Resolver, 'resolve' | 'refreshAfterRefusal'>;
  readonly journal: UsageJournal;
  /** Failed sign-ins are counted there (S29). */
  readonly audit: Pick<AuditLog, 'signInFailed'>;
  readonly metrics: Pick<Metrics, 'gatewayRequest' | 'openRequests'>;
  readonly log: Log;
  readonly clock: Clock;
  readonly random: RandomBytes;
  /** By service id, where an operator pointed a service elsewhere (`KEYHOLD_SERVICE_BASE_URL_<SERVICE>`). */
  readonly baseUrls: ReadonlyMap<string, string>;
  /** `KEYHOLD_DEFAULT_PROVIDER` */
  readonly defaultProvider: string;
  /** Ids of the services that the tenant has active credentials of its own for (R4.3). */
  readonly aiCredentialsOf: (tenant: string) => Promise<readonly string[]>;
  /** Tests make them small. */
  readonly limits?: { readonly openPerTenant?: number; readonly bodyBytesPerProcess?: number; readonly bodyBytesPerTenant?: number };
}

/** The hot path: listens on node:http's requests, calls providers through undici (DESIGN). */
export interface Gateway {
  /** Whether a request target, as it came, is the gateway's to answer. */
  owns(target: string): boolean;
  handle(request: IncomingMessage, response: ServerResponse): void;
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
  readonly #idle: (() => void)[] = [];
  #draining = false;

  constructor(deps: GatewayDependencies) {
    this.#deps = deps;
    this.#upstreams = new Upstreams(deps.catalog, deps.baseUrls);
    this.#openRequests = new OpenRequests(deps.limits?.openPerTenant);
    const memory = new BodyMemory(deps.limits?.bodyBytesPerProcess, deps.limits?.bodyBytesPerTenant);
    this.#serve = new ServeVisit(deps, this.#upstreams, this.#openRequests, memory);
  }

  owns(target: string): boolean {
    // A target with a host in it is nobody's; it is refused here, where it could have reached a provider (GHSA-4xpc).
    if (!target.startsWith('/')) return target !== '*';
    return ROOTS.some((root) => target.startsWith(root) && (target.length === root.length || target[root.length] === '/' || target[root.length] === '?'));
  }

  handle(request: IncomingMessage, response: ServerResponse): void {
    const { clock, random, metrics } = this.#deps;
    const presentedId = request.headers['x-request-id'];
    const requestId = requestIdFor(typeof presentedId === 'string' ? presentedId : undefined, random);
    const target = request.url ?? '/';
    const visit: Visit = {
      request,
      response,
      answer: new ClientAnswer(response, requestId, () => this.#draining),
      requestId,
      shape: target === CHAT_PATH || target.startsWith(`${CHAT_PATH}?`) || target.startsWith(`${CHAT_PATH}/`) ? 'keyhold' : formatOf(target),
      startedAt: clock.monotonic(),
      tenant: undefined,
      service: 'none',
      route: 'none',
      keySource: 'none',
      body: undefined,
      meter: undefined,
      exchange: undefined,
      place: -1,
    };
    this.#visits.add(visit);
    metrics.openRequests(this.#visits.size);
    response.once('close', () => this.#closed(visit));
    // Sent behind another request that is still being answered: until its turn comes, only the connection tells that the client left.
    if (response.socket === null) request.socket.once('close', () => this.#closed(visit));
    this.#serve.serve(visit).catch((error: unknown) => this.#refuse(visit, error));
  }

  async drain(): Promise<void> {
    this.#draining = true;
    if (this.#visits.size === 0) return;
    await new Promise<void>((resolve) => {
      this.#idle.push(resolve);
    });
  }

  abortAll(): void {
    for (const { answer } of this.#visits.all()) answer.breakOff('');
    void this.#upstreams.destroy();
    void this.#serve.close();
  }

  openRequests(): number {
    return this.#visits.size;
  }

  /** The answer is over, or the client is gone. */
  #closed(visit: Visit): void {
    if (!this.#visits.remove(visit)) return;
    const { metrics, clock } = this.#deps;
    visit.exchange?.clientLeft();
    visit.body?.release();
    if (visit.tenant !== undefined) this.#openRequests.leave(visit.tenant);
    metrics.openRequests(this.#visits.size);
    metrics.gatewayRequest({
      service: visit.service,
      route: visit.route,
      status: visit.response.statusCode,
      outcome: visit.meter?.ending?.outcome ?? 'refused',
      keySource: visit.keySource,
      durationMs: clock.monotonic() - visit.startedAt,
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
    else this.#deps.log.debug('gateway_refused', error.publicMessage, fields);
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
      discardRest(visit.request);
    } catch (failure) {
      this.#deps.log.error('gateway_failed', 'An error could not be answered', { ...fields, error: failure });
      visit.response.destroy();
    }
  }
}

