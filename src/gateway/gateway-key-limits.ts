import { mayUseModel, mayUseRoute, mayUseService } from '../core/access/gateway-key-scope.ts';
import type { RouteSpec, Service } from '../core/catalog/service.ts';
import { KeyholdError } from '../ports/errors.ts';
import type { GatewayKeyRecord } from '../ports/metadata/access.ts';

/** As the catalogue calls the route in every format. */
const MODEL_LIST = 'models';

/** Throws `permission_denied` for a route that reads or mints credentials, where it is not a gateway key that asks: only such a key can have it opened (S2). */
export function requireNoCredentials({ id, credentials }: RouteSpec): void {
  if (credentials === true) throw new KeyholdError('permission_denied', `The route ${id} makes keys that Keyhold knows nothing of. It is for gateway keys alone, where a tenant administrator has named it among the key's routes.`);
}

/** Throws `permission_denied` for a service, route or model, fallbacks included (S8), that the gateway key does not reach (S2). */
export function requireReach(key: GatewayKeyRecord, service: Service, route: RouteSpec, models: readonly string[]): void {
  if (!mayUseService(key, service)) throw denied(`the service ${service.id}`);
  if (!mayUseRoute(key, route)) throw denied(`the route ${route.id}`);
  if (key.models === null) return;
  if (models.length === 0 && route.model !== 'none') {
    throw new KeyholdError('permission_denied', 'This gateway key is for certain models only. Name the model in the request.');
  }
  for (const model of models) if (!mayUseModel(key, model)) throw denied(`the model ${model}`);
}

/** Which models the provider's list of them may show to this key (R5.9); null: all, or it is another route. */
export function shownModels(key: GatewayKeyRecord | null, route: RouteSpec): ((model: string) => boolean) | null {
  return key === null || key.models === null || route.id !== MODEL_LIST ? null : (model) => mayUseModel(key, model);
}

function denied(what: string): KeyholdError {
  return new KeyholdError('permission_denied', `This gateway key may not use ${what}. A tenant administrator can change what the key reaches.`);
}
