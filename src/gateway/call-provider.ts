import type { Principal } from '../core/access/principals.ts';
import type { UseGrant } from '../core/access/grant.ts';
import type { Reserved } from '../core/budgets/reserved.ts';
import type { RouteSpec, Service } from '../core/catalog/service.ts';
import { costOf, type Price } from '../core/prices/price.ts';
import type { Resolved } from '../core/resolution/resolved.ts';
import { newUsageId } from '../core/usage/usage-id.ts';
import { KeyholdError } from '../ports/errors.ts';
import { SecretValue } from '../ports/secret-value.ts';
import { after, type Soon } from '../ports/soon.ts';
import { Exchange } from './exchange.ts';
import type { GatewayDependencies } from './gateway-dependencies.ts';
import { requireNoCredentials, requireReach, shownModels } from './gateway-key-limits.ts';
import { estimatedTokens, Meter } from './meter.ts';
import { providerName, underItsNames } from './model-names.ts';
import { RequestBody } from './request-body.ts';
import { rateLimitHeaders } from './rate-limit-headers.ts';
import { boundsOf, type OutputFacts } from './request-bounds.ts';
import { requestPrice } from './request-price.ts';
import { requirePresent } from './require-present.ts';
import { isShared, requireStateless } from './shared-credentials.ts';
import { keyOf } from './upstream-request.ts';
import { noTokens } from './token-counts.ts';
import { priceByPolicy } from './unpriced-request.ts';
import type { Upstream, Upstreams } from './upstreams.ts';
import type { Visit } from './visit.ts';

/** What is sent upstream, and what the checks have to know of it. */
export interface Outgoing {
  readonly service: Service;
  readonly route: RouteSpec;
  /** As the provider names it. */
  readonly model: string | null;
  /** `model` and every other one the provider could run (S8). */
  readonly models: readonly string[];
  /** What its price and the length of its answer go by; left out: `models`. */
  readonly billedAs?: readonly string[];
  readonly references: readonly string[];
  /** What bounds the answer. */
  readonly output: OutputFacts;
  readonly endUser: string | null;
  /** Below the endpoint's base, with the query. */
  readonly path: string;
  /** Puts another name of the model into the request, and gives the path. */
  readonly renamed?: (name: string) => string;
  readonly usageAdded: boolean;
}

/** A request whose sender is known and may use the gateway. */
export interface Admitted {
  readonly visit: Visit;
  readonly principal: Principal;
  readonly grant: UseGrant;
}

/** What is decided when the request is noted. */
interface Call {
  readonly outgoing: Outgoing;
  readonly upstream: Upstream;
  readonly resolved: Resolved;
  readonly meter: Meter;
  readonly requireServable: (resolved: Resolved) => void;
}

/** What a request is billed by; null: not known. Listed is what the platform's lists say, and not the tenant's policy. */
interface Priced {
  readonly price: Price | null;
  readonly isListed: boolean;
}

/** The later steps of a request: a key is found, the request is noted, and the provider is called. */
export class CallProvider {
  readonly #deps: GatewayDependencies;
  readonly #upstreams: Upstreams;

  constructor(deps: GatewayDependencies, upstreams: Upstreams) {
    this.#deps = deps;
    this.#upstreams = upstreams;
  }

  /** Done when the upstream call has begun; throws, or rejects with, what the request is refused with. Waits for nothing that is known. */
  call(admitted: Admitted, outgoing: Outgoing): Soon<void> {
    const { visit, principal } = admitted;
    const { service, route } = outgoing;
    visit.service = service.id;
    visit.route = route.id;
    if (principal.gatewayKey === null) requireNoCredentials(route);
    else requireReach(principal.gatewayKey, service, route, outgoing.models);
    const upstream = this.#upstreams.find(service.id, route.format);
    if (upstream === undefined) throw new KeyholdError('internal', `${service.id} has no endpoint for this route.`);
    return after(this.#withinLimits(admitted, outgoing), () => this.#withKey(admitted, outgoing, upstream));
  }

  /** Takes the request's part of all limits (R5.4), which goes with the visit. */
  #withinLimits({ visit, principal, grant }: Admitted, outgoing: Outgoing): Soon<void> {
    const admission = this.#deps.rateLimits.admit({ tenant: grant.tenant, gatewayKey: principal.gatewayKey, service: outgoing.service.id, tokens: estimatedInput(visit, outgoing) });
    return after(admission, (taken) => {
      visit.admission = taken;
      // Its end has come before its part did.
      if (visit.response.gone) taken?.end(undefined);
      requirePresent(visit);
    });
  }

  #withKey(admitted: Admitted, asked: Outgoing, upstream: Upstream): Soon<void> {
    const { visit, grant } = admitted;
    const { service, model } = asked;
    let sentAs: string | undefined;
    let outgoing = asked;
    const requireServable = (candidate: Resolved): void => {
      keyOf(upstream, candidate);
      upstream.placeFor(candidate, grant.tenant);
      const name = model === null ? undefined : providerName(upstream.endpoint, candidate.settings, model);
      if (sentAs !== undefined && name !== sentAs) throw new KeyholdError('conflict', `The names of models that belong to the key for ${service.id} have changed. Send the request again.`);
      sentAs = name;
      if (isShared(candidate.source)) requireStateless({ ...outgoing, gateway: upstream.gateway, rules: upstream.endpoint.body });
    };
    return after(this.#deps.resolver.resolve(grant, { service, explicitKey: explicitKey(visit) }), (resolved) => {
      requireServable(resolved);
      outgoing = underItsNames(asked, upstream.endpoint, resolved.settings);
      visit.keySource = resolved.source;
      return after(this.#price(grant.tenant, outgoing), (priced) => {
        requirePresent(visit);
        return after(this.#reserve(admitted, outgoing, priced), (reserved) => {
          const meter = this.#meter(admitted, resolved, outgoing, priced.price, reserved);
          return meter.begin(
            () => requirePresent(visit),
            () => {
              visit.meter = meter;
              requirePresent(visit);
              this.#exchange(admitted, { outgoing, upstream, resolved, meter, requireServable }).start();
            },
          );
        });
      });
    });
  }

  /** What it is billed by; null where that is not known, and allowed all the same. */
  #price(tenant: string, outgoing: Outgoing): Soon<Priced> {
    const { prices, policies, clock } = this.#deps;
    return after(prices.tableOf(tenant), (table) => {
      const price = requestPrice(table, outgoing, clock.now());
      if (price !== null) return { price, isListed: true };
      return after(policies.policyOf(tenant), (policy) => ({ price: priceByPolicy(policy, outgoing.service.id, outgoing.billedAs ?? outgoing.models), isListed: false }));
    });
  }

  #reserve({ visit, principal, grant }: Admitted, outgoing: Outgoing, priced: Priced): Soon<Reserved | null> {
    const { tenant } = grant;
    const { models } = outgoing;
    return this.#deps.budgets.reserve({ tenant, gatewayKey: principal.gatewayKey, service: outgoing.service.id, models, ...priced, bounds: () => boundsOf({ ...outgoing, models: outgoing.billedAs ?? models, bodyBytes: visit.body?.length ?? 0 }) });
  }

  #exchange({ visit, principal, grant }: Admitted, { outgoing, upstream, resolved, meter, requireServable }: Call): Exchange {
    const { resolver, staleness, clock, log } = this.#deps;
    const { route } = outgoing;
    visit.exchange = new Exchange(
      {
        upstream,
        route,
        path: outgoing.path,
        model: outgoing.model,
        showsModel: shownModels(principal.gatewayKey, route),
        caller: visit.request,
        body: visit.body ?? new RequestBody(null, () => undefined),
        usageAdded: outgoing.usageAdded,
        tenant: grant.tenant,
        resolved,
        meter,
        shape: visit.shape,
        requestId: visit.requestId,
        answer: visit.answer,
        requireServable,
        staleness,
        callerStaleMs: visit.callerStaleMs,
        // The account's own are not the caller's (S1).
        limitHeaders: visit.admission === undefined || !isShared(resolved.source) ? [] : rateLimitHeaders(visit.admission.states(), visit.shape, clock),
      },
      resolver,
      log,
    );
    return visit.exchange;
  }

  #meter({ visit, principal, grant }: Admitted, resolved: Resolved, outgoing: Outgoing, price: Price | null, reserved: Reserved | null): Meter {
    const { tenant } = grant;
    const { actor, gatewayKey } = principal;
    const { journal, clock, random, log } = this.#deps;
    const now = clock.now();
    const estimatedInputTokens = estimatedInput(visit, outgoing);
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
        tokenId: actor.kind === 'gateway-key' ? null : actor.id,
        tags: gatewayKey?.tags ?? {},
        endUser: outgoing.endUser,
        estimatedInputTokens,
        estimatedCost: price === null ? null : costOf(price, { ...noTokens, inputTokens: estimatedInputTokens }),
        shares: reserved?.shares,
      },
      visit.startedAt,
      { price, reserved },
    );
  }
}

/** Tokens of the request, as far as its bytes tell. */
function estimatedInput({ body }: Visit, { route }: Outgoing): number {
  return route.usage === 'none' ? 0 : estimatedTokens(body?.length ?? 0);
}

/** The caller's own provider key for this request (R0.4). */
function explicitKey({ request }: Visit): SecretValue | undefined {
  const presented = request.headers['x-keyhold-api-key'];
  return typeof presented === 'string' ? new SecretValue(presented) : undefined;
}
