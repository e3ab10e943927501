import { mayUseModel, mayUseRoute, mayUseService } from '../core/access/gateway-key-scope.ts';
import type { RouteSpec, Service } from '../core/catalog/service.ts';
import { KeyholdError } from '../ports/errors.ts';
import type { GatewayKeyRecord } from '../ports/metadata/access.ts';

/** Throws `permission_denied` for a service, route or model, fallbacks included (S8), that the gateway key does not reach (S2). */
export function requireReach(key: GatewayKeyRecord, service: Service, route: RouteSpec, models: readonly string[]): void {
  if (!mayUseService(key, service)) throw denied(`the service ${service.id}`);
  if (!mayUseRoute(key, route.id)) throw denied(`the route ${route.id}`);
  if (key.models === null) return;
  if (models.length === 0 && route.model !== 'none') {
    throw new KeyholdError('permission_denied', 'This gateway key is for certain models only. Name the model in the request.');
  }
  for (const model of models) if (!mayUseModel(key, model)) throw denied(`the model ${model}`);
}

function denied(what: string): KeyholdError {
  return new KeyholdError('permission_denied', `This gateway key may not use ${what}. A tenant administrator can change what the key reaches.`);
}
