import type { RouteSpec } from '../core/catalog/service.ts';
import type { Resolved } from '../core/resolution/resolved.ts';
import type { Resolver } from '../core/resolution/resolver.ts';
import type { Staleness } from '../core/resolution/staleness.ts';
import { asKeyholdError, KeyholdError } from '../ports/errors.ts';
import type { Log } from '../ports/log.ts';
import { ChatRelay } from './chat-relay.ts';
import type { ClientRequest } from './client/client.ts';
import type { ClientAnswer } from './client-answer.ts';
import { type ErrorShape, type ShownError, shownError } from './error-shapes.ts';
import { type Ending, type Meter, partialCounts } from './meter.ts';
import { ModelListRelay } from './model-list-relay.ts';
import { PlainRelay } from './plain-relay.ts';
import { quotesKey } from './quoted-key.ts';
import { RefusedRelay } from './refused-relay.ts';
import type { RequestBody } from './request-body.ts';
import { type Flow, type Relay, type RelayContext, textHeader, type UpstreamHeaders } from './relay.ts';
import { isShared } from './shared-credentials.ts';
import { StreamRelay } from './stream-relay.ts';
import { noTokens } from './token-counts.ts';
import { type CallObserver, UpstreamCall } from './upstream-call.ts';
import { keyOf, requestHeaders } from './upstream-request.ts';
import type { Upstream } from './upstreams.ts';

/** Everything that is decided when the upstream is called. */
export interface ExchangePlan {
  readonly upstream: Upstream;
  readonly route: RouteSpec;
  /** Below the endpoint's base, with the query. */
  readonly path: string;
  readonly model: string | null;
  /** Which models a list of them may show; null: all. */
  readonly showsModel: ((model: string) => boolean) | null;
  readonly caller: Pick<ClientRequest, 'rawHeaders' | 'known'>;
  readonly body: RequestBody;
  readonly usageAdded: boolean;
  readonly tenant: string;
  readonly resolved: Resolved;
  readonly meter: Meter;
  readonly shape: ErrorShape;
  readonly requestId: string;
  readonly answer: ClientAnswer;
  /** Throws where a shared credential may not serve this request (S1). */
  readonly requireServable: (resolved: Resolved) => void;
  readonly staleness: Pick<Staleness, 'secondsOf'>;
  readonly callerStaleMs: number;
  /** What tells of limits in every answer; a flat list. */
  readonly limitHeaders: readonly string[];
}

/** One admitted request and its calls, from the first byte sent upstream to the last one given to the client. */
export class Exchange implements CallObserver {
  readonly #plan: ExchangePlan;
  readonly #resolver: Pick<Resolver, 'refreshAfterRefusal'>;
  readonly #log: Log;
  #resolved: Resolved;
  #attempts = 0;
  #call: UpstreamCall | undefined;
  #status: number | null = null;
  #over = false;

  constructor(plan: ExchangePlan, resolver: Pick<Resolver, 'refreshAfterRefusal'>, log: Log) {
    this.#plan = plan;
    this.#resolver = resolver;
    this.#log = log;
    this.#resolved = plan.resolved;
  }

  start(): void {
    try {
      this.#callUpstream();
    } catch (error) {
      this.unanswered(asKeyholdError(error), false);
    }
  }

  #callUpstream(): void {
    const { upstream, path, route, body, caller, answer, tenant, staleness, callerStaleMs, limitHeaders } = this.#plan;
    const { source, credentialId } = this.#resolved;
    this.#attempts += 1;
    const facts = ['x-keyhold-key-source', source];
    if (credentialId !== null) facts.push('x-keyhold-credential', credentialId);
    for (const text of limitHeaders) facts.push(text);
    const staleSeconds = staleness.secondsOf(this.#resolved, tenant, callerStaleMs);
    if (staleSeconds > 0) facts.push('x-keyhold-stale', String(staleSeconds));
    answer.facts = facts;
    this.#call = new UpstreamCall(this, upstream.service.id);
    const { pool, basePath } = upstream.placeFor(this.#resolved, tenant);
    this.#call.start(pool, { path: basePath + path, method: route.method, ...requestHeaders(upstream, caller, this.#resolved, body.length > 0), body: body.bytes, bodyText: body.text });
  }

  /** The client is gone: the upstream call ends now, and what came is accounted for (R5.2). */
  clientLeft(): void {
    if (this.#over) return;
    this.#over = true;
    const relay = this.#stopCall();
    // SDKs hang up as soon as they read the provider's error, before the stream is over.
    const outcome = relay?.failed === true ? 'failed' : 'aborted';
    void this.#plan.meter.end({ outcome, status: this.#status, ...this.#partial(relay) }, this.#servedBy());
  }

  /** Whether its key may still serve, by what this process knows now (S10). */
  get isCurrent(): boolean {
    return this.#resolved.isCurrent();
  }

  /** Ends it from our side, and tells the client why, in the stream where it has begun, so that nobody takes it for finished (R5.2, S10). */
  cutOff(error: KeyholdError): void {
    if (this.#over) return;
    const { answer, shape } = this.#plan;
    const relay = this.#stopCall();
    void this.#settle({ outcome: 'aborted', status: this.#status, ...this.#partial(relay) }, () => {
      if (answer.headSent) answer.breakOff(relay?.lastWords?.(error) ?? '');
      else answer.error(shownError(error), shape);
    });
  }

  answered(status: number, headers: UpstreamHeaders, flow: Flow): Relay {
    this.#status = status;
    const { upstream } = this.#plan;
    const { id } = upstream.service;
    if (status !== 401) this.#plan.body.release();
    if (status === 401 || status === 403) {
      return new RefusedRelay(flow, () => {
        void this.#refused(status);
      });
    }
    const context = this.#context();
    if (status >= 300 && status < 400) return this.#refusing(flow, status, `${id} redirected the request (${status}), which is never followed with a key.`);
    const encoding = textHeader(headers, 'content-encoding').toLowerCase();
    if (encoding !== '' && encoding !== 'identity') return this.#refusing(flow, status, `${id} compressed its answer although it was asked not to.`);
    if (status < 300 && textHeader(headers, 'content-type').toLowerCase().startsWith('text/event-stream')) {
      return new StreamRelay(context, flow, status, headers);
    }
    if (this.#plan.showsModel !== null && status < 300) return new ModelListRelay(context, flow, status, headers, this.#plan.showsModel);
    return this.#plan.shape === 'keyhold' ? new ChatRelay(context, flow, status, headers, this.#plan.model) : new PlainRelay(context, flow, status, headers);
  }

  /** An answer that is not passed on at all. */
  #refusing(flow: Flow, status: number, why: string): Relay {
    flow.abort();
    this.#fail(new KeyholdError('upstream_failed', why), failedWith(status));
    return new RefusedRelay(flow, () => undefined);
  }

  unanswered(error: KeyholdError, sent: boolean): void {
    this.#plan.body.release();
    const counts = sent ? partialCounts(undefined, this.#plan.meter.inputEstimate, 0) : noTokens;
    this.#fail(error, { outcome: 'failed', status: null, counts, estimated: sent });
  }

  #context(): RelayContext {
    const { answer, meter, upstream, route, requestId, usageAdded } = this.#plan;
    return {
      answer,
      meter,
      upstream,
      route,
      requestId,
      usageAdded,
      shared: isShared(this.#resolved.source),
      settle: (ending, then) => {
        void this.#settle(ending, then);
      },
      fail: (error, ending, upstreamStatus) => this.#fail(error, ending, upstreamStatus),
      quotesKey: (text) => quotesKey(text, keyOf(upstream, this.#resolved)),
    };
  }

  #settle(ending: Ending, then: () => void): Promise<void> {
    this.#over = true;
    return this.#plan.meter.end(ending, this.#servedBy()).then((mayLeave) => this.#settled(mayLeave ? then : () => this.#withhold()));
  }

  #settled(then: () => void): void {
    try {
      then();
    } catch (error) {
      const { requestId, tenant, upstream, answer } = this.#plan;
      this.#log.error('gateway_failed', 'An answer could not be given', { requestId, tenant, service: upstream.service.id, error });
      answer.breakOff('');
    }
  }

  /** The answer is over, and its end is not where the journal promises it to be before anybody hears of it. */
  #withhold(): void {
    const { answer, shape } = this.#plan;
    const error = new KeyholdError('unavailable', 'The end of the request could not be recorded, so its answer is held back. It counts as used. Try again in a moment.', { retryAfterSeconds: 5 });
    if (answer.headSent) answer.breakOff('');
    else answer.error(shownError(error), shape);
  }

  /** The upstream call ends here and now; gives what carried its answer so far. */
  #stopCall(): Relay | undefined {
    const relay = this.#call?.relay;
    this.#call?.abort();
    this.#plan.body.release();
    return relay;
  }

  #partial(relay: Relay | undefined): Pick<Ending, 'counts' | 'estimated'> {
    return relay?.partial() ?? { counts: partialCounts(undefined, this.#plan.meter.inputEstimate, 0), estimated: true };
  }

  #servedBy(): { keySource: Resolved['source']; credentialId: string | null; credentialVersion: number | null; attempts: number } {
    const { source, credentialId, credentialVersion } = this.#resolved;
    return { keySource: source, credentialId, credentialVersion, attempts: this.#attempts };
  }

  #fail(error: KeyholdError, ending: Ending, upstreamStatus?: number): void {
    const { answer, shape, requestId, tenant, upstream, route } = this.#plan;
    this.#log.warn('gateway_upstream_failed', error.publicMessage, {
      requestId,
      tenant,
      service: upstream.service.id,
      route: route.id,
      code: error.code,
      status: ending.status ?? undefined,
      error,
    });
    void this.#settle(ending, () => {
      if (answer.headSent) answer.breakOff('');
      else answer.error({ ...shownError(error), ...(upstreamStatus === undefined ? {} : { status: upstreamStatus, origin: 'upstream' }) }, shape);
    });
  }

  /** The provider refused the key: once more with a newer one, if there is one (S11), else its status in our words (R0.3). */
  async #refused(status: 401 | 403): Promise<void> {
    const newer = status === 401 && this.#attempts === 1 ? await this.#newer() : undefined;
    if (this.#over) return;
    if (newer !== undefined) {
      this.#resolved = newer;
      this.start();
      return;
    }
    this.#plan.body.release();
    const { answer, shape, requestId, tenant, upstream } = this.#plan;
    const { source, credentialId } = this.#resolved;
    this.#log.warn('gateway_key_refused', `${upstream.service.id} refused the key`, {
      requestId,
      tenant,
      service: upstream.service.id,
      credentialId: credentialId ?? undefined,
      status,
    });
    const refusal: ShownError = {
      status,
      code: status === 401 ? 'unauthenticated' : 'permission_denied',
      message: `${upstream.service.id} refused ${keyWords[source]}${credentialId === null ? '' : ` (credential ${credentialId})`}.`,
      origin: 'upstream',
      retryAfterSeconds: undefined,
      details: undefined,
    };
    await this.#settle(failedWith(status), () => answer.error(refusal, shape));
  }

  async #newer(): Promise<Resolved | undefined> {
    try {
      const newer = await this.#resolver.refreshAfterRefusal(this.#resolved);
      if (newer === undefined) return undefined;
      this.#plan.requireServable(newer);
      return newer;
    } catch (error) {
      const { requestId, tenant, upstream } = this.#plan;
      this.#log.warn('gateway_refresh_failed', 'A refused key could not be looked up again', { requestId, tenant, service: upstream.service.id, error });
      return undefined;
    }
  }
}

const keyWords: Readonly<Record<Resolved['source'], string>> = {
  explicit: 'the key in x-keyhold-api-key',
  tenant: 'the tenant\'s key',
  platform: 'the platform\'s key',
  environment: 'the service\'s own key',
};

function failedWith(status: number): Ending {
  return { outcome: 'failed', status, counts: noTokens, estimated: false };
}
