import type { Catalog } from '../core/catalog/catalog.ts';
import type { ApiFormat, RouteSpec } from '../core/catalog/service.ts';
import { KeyholdError } from '../ports/errors.ts';
import type { CanonicalTarget } from './canonical-target.ts';

/** Where each format lives on Keyhold; the rest of the path is the route's (R5.1). */
const PREFIXES: readonly (readonly [prefix: string, format: ApiFormat])[] = [
  ['/v1/', 'openai'],
  ['/anthropic/', 'anthropic'],
];

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
}

interface Entry {
  readonly spec: RouteSpec;
  readonly specs: Map<string, RouteSpec>;
}

/** The format whose paths begin like this one; decides in whose shape even an unknown route is refused. */
export function formatOf(path: string): ApiFormat {
  return path === '/anthropic' || path.startsWith('/anthropic/') || path.startsWith('/anthropic?') ? 'anthropic' : 'openai';
}

/** The catalogue's routes, by format, method and path. */
export class RouteTable {
  readonly #exact = new Map<string, Entry>();
  readonly #withModel: { readonly start: string; readonly entry: Entry }[] = [];

  constructor(catalog: Catalog) {
    for (const service of catalog.list()) {
      for (const spec of service.gateway?.routes ?? []) this.#add(service.id, spec);
    }
  }

  #add(service: string, spec: RouteSpec): void {
    const key = routeKey(spec.format, spec.method, spec.path);
    let entry = this.#exact.get(key);
    if (entry === undefined) {
      entry = { spec, specs: new Map() };
      this.#exact.set(key, entry);
      if (spec.model === 'path') this.#withModel.push({ start: key.slice(0, -'{model}'.length), entry });
    }
    entry.specs.set(service, spec);
  }

  /** The route, or undefined: 404 (R5.1). Throws `invalid_argument` for `%2F` where no model stands, or for a model with odd segments. */
  find(method: string, target: CanonicalTarget): RouteMatch | undefined {
    for (const [prefix, format] of PREFIXES) {
      if (!target.path.startsWith(prefix)) continue;
      const key = routeKey(format, method, target.path.slice(prefix.length));
      const exact = this.#exact.get(key);
      if (exact !== undefined && exact.spec.model !== 'path') return match(exact, null);
      const open = this.#withModel.find(({ start }) => key.length > start.length && key.startsWith(start));
      if (open !== undefined) return match(open.entry, modelInPath(key.slice(open.start.length)));
    }
    if (target.encodedSlash) throw new KeyholdError('invalid_argument', 'The request\'s path must not contain an encoded slash here.');
    return undefined;
  }
}

/** The path of a model below its route, in one spelling. */
export function pathWithModel(path: string, model: string): string {
  return path.replace('{model}', model.split('/').map(encodeURIComponent).join('/'));
}

function routeKey(format: ApiFormat, method: string, path: string): string {
  return `${format} ${method} ${path}`;
}

function match({ spec, specs }: Entry, pathModel: string | null): RouteMatch {
  return { format: spec.format, id: spec.id, method: spec.method, model: spec.model, pathModel, specs };
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
