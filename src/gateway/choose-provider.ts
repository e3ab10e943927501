import type { Catalog } from '../core/catalog/catalog.ts';
import type { ApiFormat, GatewaySpec, RouteSpec, Service } from '../core/catalog/service.ts';
import { KeyholdError } from '../ports/errors.ts';
import { after, type Soon } from '../ports/soon.ts';
import type { RouteMatch } from './route-table.ts';

/** Who serves a request, and under which name it is to run the model. */
export interface Choice {
  readonly service: Service;
  readonly route: RouteSpec;
  /** As the provider names it. */
  readonly model: string | null;
  /** `provider/` was taken off. */
  readonly prefixed: boolean;
}

export interface ChoiceRequest {
  readonly match: RouteMatch;
  /** As the caller wrote it. */
  readonly model: string | null;
  /** `x-keyhold-provider`. */
  readonly providerHeader: string | undefined;
  /** Who serves where nobody says it, most particular first: the gateway key's, the tenant's, the operator's (R5.1). */
  readonly defaults: () => Soon<readonly (string | null)[]>;
}

/**
 * R5.1: `provider/model` picks the provider if it is a service of the catalogue that the gateway calls; the prefix is taken off
 * once. Where there is no model, `x-keyhold-provider`; else the defaults. Throws `not_found` for an unknown provider and for one
 * without this route, `invalid_argument` for a header that contradicts the model or a model that is only a prefix. Where the path names the service, that is the one,
 * and the model is as it is.
 */
export function chooseProvider(catalog: Catalog, { match, model, providerHeader, defaults }: ChoiceRequest): Soon<Choice> {
  if (match.service !== null) {
    requireAgreement(providerHeader, match.service);
    const service = gatewayService(catalog, match.service);
    return { service, route: routeOf(match, service), model, prefixed: false };
  }
  const prefix = model === null ? undefined : prefixOf(catalog, model);
  if (prefix !== undefined && model !== null) {
    const rest = model.slice(prefix.id.length + 1);
    if (rest === '') throw new KeyholdError('invalid_argument', `The model ${prefix.id}/ names a provider and no model.`);
    requireAgreement(providerHeader, prefix.id);
    return { service: prefix, route: routeOf(match, prefix), model: rest, prefixed: true };
  }
  const service = model === null && providerHeader !== undefined ? gatewayService(catalog, providerHeader) : after(defaults(), (ids) => defaultService(catalog, match.format, ids));
  return after(service, (chosen) => {
    if (model !== null) requireAgreement(providerHeader, chosen.id);
    return { service: chosen, route: routeOf(match, chosen), model, prefixed: false };
  });
}

/** The service with this id, if the gateway calls it; throws `not_found` that names it. */
export function gatewayService(catalog: Catalog, id: string): Service & { readonly gateway: GatewaySpec } {
  const service = catalog.get(id);
  const { gateway } = service;
  if (gateway === null) throw new KeyholdError('not_found', `${service.id} is kept here, but not called through the gateway.`);
  return { ...service, gateway };
}

function prefixOf(catalog: Catalog, model: string): Service | undefined {
  const slash = model.indexOf('/');
  if (slash === -1) return undefined;
  const service = catalog.find(model.slice(0, slash));
  return service?.gateway === null ? undefined : service;
}

function defaultService(catalog: Catalog, format: ApiFormat, defaults: readonly (string | null)[]): Service {
  const speakers = catalog.speaking(format);
  for (const id of defaults) {
    if (id === null) continue;
    const service = speakers.find((speaker) => speaker.id === id);
    if (service !== undefined) return service;
  }
  // On a route of a provider's own format, that provider; the defaults are about OpenAI's, which all speak.
  const native = speakers.find((speaker) => Object.keys(speaker.gateway?.endpoints ?? {})[0] === format);
  if (native === undefined) throw new KeyholdError('not_found', 'No provider speaks this format here.');
  return native;
}

function routeOf(match: RouteMatch, service: Service): RouteSpec {
  const route = match.specs.get(service.id);
  if (route === undefined) throw new KeyholdError('not_found', `${service.id} has no route ${match.id} in this format. Choose another provider, as provider/model.`);
  return route;
}

function requireAgreement(providerHeader: string | undefined, id: string): void {
  if (providerHeader === undefined || providerHeader === id) return;
  throw new KeyholdError('invalid_argument', `x-keyhold-provider does not name ${id}, where this request goes. Leave the header out, or write provider/model.`);
}
