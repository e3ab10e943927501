import type { Catalog } from '../core/catalog/catalog.ts';
import type { ApiEndpoint, ApiFormat, RouteSpec, Service } from '../core/catalog/service.ts';
import { KeyholdError } from '../ports/errors.ts';
import type { CanonicalTarget } from './canonical-target.ts';
import type { ErrorShape } from './error-shapes.ts';

/** Where each format lives on Keyhold, whoever serves it; the rest of the path is the route's (R5.1). */
const PREFIXES: readonly Prefix[] = [
  { start: '/v1/', format: 'openai', service: null },
  { start: '/anthropic/', format: 'anthropic', service: null },
];
/** Below it and a service's id, that service as its own host has it. */
const NATIVE = '/proxy/';

interface Prefix {
  readonly start: string;
  readonly format: ApiFormat;
  /** The id of the only one that it is for; null: the request says who. */
  readonly service: string | null;
}

/** A route that at least one service has. */
export interface RouteMatch {
  readonly format: ApiFormat;
  readonly id: string;
  readonly method: RouteSpec['method'];
  readonly model: RouteSpec['model'];
  /** The model in the path, where the route has it there; without escapes. */
  readonly pathModel: string | null;
  /** By service id. */
  readonly specs: ReadonlyMap<string, RouteSpec>;
  /** Its id, where the path names the service; null: the request says who. */
  readonly service: string | null;
}

interface Entry {
  readonly spec: RouteSpec;
  readonly specs: Map<string, RouteSpec>;
}

interface WithModel {
  readonly start: string;
  /** Empty: the model is all that follows. */
  readonly end: string;
  readonly entry: Entry;
}

/** In whose shape even an unknown route is refused. */
export function shapeOf(path: string): ErrorShape {
  if (path.startsWith('/v1/')) return 'openai';
  return /^\/(?:proxy\/)?anthropic(?:[/?]|$)/.test(path) && !path.startsWith('/proxy/anthropic/v1/chat/') ? 'anthropic' : 'openai';
}

/** Whether the path is one of a service's own, below `/proxy/`. */
export function isNative(target: string): boolean {
  return target.startsWith(NATIVE);
}

/** The catalogue's routes, by format, method and path. */
export class RouteTable {
  readonly #exact = new Map<string, Entry>();
  readonly #withModel: WithModel[] = [];
  /** By service id, the longest first: one may begin with another. */
  readonly #native = new Map<string, readonly Prefix[]>();

  constructor(catalog: Catalog) {
    for (const service of catalog.list()) {
      for (const spec of service.gateway?.routes ?? []) this.#add(service.id, spec);
      this.#native.set(service.id, nativePrefixes(service));
    }
  }

  #add(service: string, spec: RouteSpec): void {
    const key = routeKey(spec.format, spec.method, spec.path);
    let entry = this.#exact.get(key);
    if (entry === undefined) {
      entry = { spec, specs: new Map() };
      this.#exact.set(key, entry);
      const [start = '', end] = key.split('{model}');
      if (end !== undefined) this.#withModel.push({ start, end, entry });
    }
    entry.specs.set(service, spec);
  }

  /** The route, or undefined: 404 (R5.1). Throws `invalid_argument` for `%2F` where no model stands, or for a model with odd segments. */
  find(method: string, target: CanonicalTarget): RouteMatch | undefined {
    for (const { start, format, service } of this.#prefixesFor(target.path)) {
      if (!target.path.startsWith(start)) continue;
      const key = routeKey(format, method, target.path.slice(start.length));
      const exact = this.#exact.get(key);
      const found = exact !== undefined && exact.spec.model !== 'path' ? match(exact, null, service) : this.#openMatch(key, service);
      if (found !== undefined && (service === null || found.specs.has(service))) return found;
    }
    if (target.encodedSlash) throw new KeyholdError('invalid_argument', 'The request\'s path must not contain an encoded slash here.');
    return undefined;
  }

  #prefixesFor(path: string): readonly Prefix[] {
    if (!isNative(path)) return PREFIXES;
    return this.#native.get(path.slice(NATIVE.length, path.indexOf('/', NATIVE.length))) ?? [];
  }

  #openMatch(key: string, service: string | null): RouteMatch | undefined {
    for (const { start, end, entry } of this.#withModel) {
      if (key.length <= start.length + end.length || !key.startsWith(start) || !key.endsWith(end)) continue;
      const model = key.slice(start.length, key.length - end.length);
      if (end === '') return match(entry, modelInPath(model), service);
      if (!model.includes('/')) return match(entry, requireDeployment(modelInPath(model)), service);
    }
    return undefined;
  }
}

/** The path of a model below its route, in one spelling. Throws `invalid_argument` for what cannot stand in the middle of one. */
export function pathWithModel(path: string, model: string): string {
  if (!path.endsWith('{model}')) return path.replace('{model}', () => requireDeployment(model));
  return path.replace('{model}', () => model.split('/').map(encodeURIComponent).join('/'));
}

function requireDeployment(name: string): string {
  if (!/^(?!\.{1,2}$)[\w.-]{1,64}$/.test(name)) throw new KeyholdError('invalid_argument', 'The deployment in the path is not a deployment\'s name: letters, digits, ".", "_" and "-", 64 at most.');
  return name;
}

/** Where a service is as its own SDK sees it: below its host stands the path of its base. */
function nativePrefixes({ id, gateway }: Service): readonly Prefix[] {
  const prefixes: Prefix[] = [];
  for (const format of ['openai', 'anthropic', 'azure'] as const) {
    const endpoint = gateway?.endpoints[format];
    if (endpoint !== undefined) prefixes.push({ start: `${NATIVE}${id}${basePathOf(endpoint)}`, format, service: id });
  }
  return prefixes.sort((a, b) => b.start.length - a.start.length);
}

/** Ends with a slash. */
function basePathOf({ baseUrl }: ApiEndpoint): string {
  const path = typeof baseUrl === 'string' ? new URL(baseUrl).pathname : baseUrl.path;
  return path.endsWith('/') ? path : `${path}/`;
}

function routeKey(format: ApiFormat, method: string, path: string): string {
  return `${format} ${method} ${path}`;
}

function match({ spec, specs }: Entry, pathModel: string | null, service: string | null): RouteMatch {
  return { format: spec.format, id: spec.id, method: spec.method, model: spec.model, pathModel, specs, service };
}

function modelInPath(text: string): string {
  let model = '';
  try {
    model = decodeURIComponent(text);
  } catch {
    // Falls through to the refusal: the escapes are not UTF-8.
  }
  const segments = model.split('/');
  if (!/^[\x21-\x7e]{1,256}$/.test(model) || segments.some((segment) => segment === '' || segment === '.' || segment === '..')) {
    throw new KeyholdError('invalid_argument', 'The model in the path is not a model\'s name.');
  }
  return model;
}
