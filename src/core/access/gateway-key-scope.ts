import type { GatewayKeyRecord } from '../../ports/metadata/access.ts';
import { isAiService } from '../catalog/catalog.ts';
import type { RouteSpec, Service } from '../catalog/service.ts';
import { matchesGlob } from './glob.ts';

/** Whether the key reaches this service. A key without services reaches AI services only (S2). */
export function mayUseService({ services }: Pick<GatewayKeyRecord, 'services'>, service: Service): boolean {
  return services === null ? isAiService(service) : services.includes(service.id);
}

/** Gemini lists its models with this before their names, and takes them with and without (https://ai.google.dev/gemini-api/docs/openai#list-models). */
const LISTED_WITH = 'models/';

/** Whether the key may run this model, named as the provider names it (without `provider/`). */
export function mayUseModel({ models }: Pick<GatewayKeyRecord, 'models'>, model: string): boolean {
  if (models === null) return true;
  const bare = model.startsWith(LISTED_WITH) ? model.slice(LISTED_WITH.length) : model;
  return models.some((glob) => matchesGlob(glob, model) || (bare !== model && matchesGlob(glob, bare)));
}

/** Whether the key may use this route of the catalogue. One that reads or mints credentials is open only where the key names it (S2). */
export function mayUseRoute({ routes }: Pick<GatewayKeyRecord, 'routes'>, { id, credentials }: Pick<RouteSpec, 'id' | 'credentials'>): boolean {
  return routes === null ? credentials !== true : routes.includes(id);
}
