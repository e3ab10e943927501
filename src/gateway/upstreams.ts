import type { Catalog } from '../core/catalog/catalog.ts';
import type { ApiEndpoint, ApiFormat, GatewaySpec, Service } from '../core/catalog/service.ts';
import type { Resolved } from '../core/resolution/resolved.ts';
import type { Way } from '../egress/connector.ts';
import type { Egress } from '../egress/egress.ts';
import { HeaderRules } from './header-choice.ts';
import { type Place, RegisteredPools } from './registered-pools.ts';
import { UpstreamPool } from './upstream/upstream-pool.ts';

/** Long enough for a slow network, short enough to be told apart from a slow model. */
const CONNECT_TIMEOUT_MS = 10_000;
/**
 * A model that thinks before a plain answer sends its headers with the answer: the official SDKs wait 10 minutes too. Streams send pings or tokens
 * far more often.
 */
const ANSWER_TIMEOUT_MS = 600_000;
/** Below the 60 s after which common load balancers close idle connections. */
const KEEP_ALIVE_MS = 20_000;

const TIMES = { connectMs: CONNECT_TIMEOUT_MS, answerMs: ANSWER_TIMEOUT_MS, idleMs: KEEP_ALIVE_MS } as const;

/** To the catalogue's and tenants' hosts, and to what the operator has set instead. */
export type GatewayEgress = Pick<Egress, 'lookup' | 'wayOf' | 'allows' | 'proxyFor'> & { readonly toNamed: Way };

/** One service in one API format, ready to be called. */
export interface Upstream {
  readonly service: Service;
  readonly gateway: GatewaySpec;
  readonly format: ApiFormat;
  readonly endpoint: ApiEndpoint;
  readonly headers: HeaderRules;
  /** Where this credential's key goes, which serves that tenant. Throws what `RegisteredPools.placeOf` throws. */
  placeFor(resolved: Pick<Resolved, 'settings' | 'service' | 'source'>, tenant: string): Place;
}

/**
 * Every address the gateway may call: the catalogue's, those registered with a key, or what an operator set instead of either (R0.1). None comes from a caller
 * (CVE-2024-6587). What the catalogue's and tenants' names lead to is looked at and pinned for each connection (S33): whoever answers for a name must not lead keys
 * into a private network. What an operator set may be anywhere.
 */
export class Upstreams {
  readonly #upstreams: Readonly<Record<ApiFormat, Map<string, Upstream>>> = { openai: new Map(), anthropic: new Map(), azure: new Map() };
  readonly #pools = new Map<string, UpstreamPool>();
  readonly #registered: RegisteredPools;

  constructor(catalog: Catalog, baseUrls: ReadonlyMap<string, string>, egress: GatewayEgress) {
    this.#registered = new RegisteredPools(egress, TIMES);
    for (const service of catalog.list()) {
      const { gateway } = service;
      if (gateway === null) continue;
      const headers = new HeaderRules(gateway);
      for (const format of ['openai', 'anthropic', 'azure'] as const) {
        const endpoint = gateway.endpoints[format];
        if (endpoint === undefined) continue;
          this.#upstreams[format].set(service.id, { service, gateway, format, endpoint, headers, placeFor: this.#placeFor(endpoint, baseUrls.get(service.id), egress) });
      }
    }
  }

  #placeFor({ baseUrl, afterOverride = '' }: ApiEndpoint, override: string | undefined, egress: GatewayEgress): Upstream['placeFor'] {
    if (override === undefined && typeof baseUrl !== 'string') return (resolved, tenant) => this.#registered.placeOf(resolved, baseUrl, resolved.source === 'tenant' ? tenant : null);
    const usual = typeof baseUrl === 'string' ? baseUrl : '';
    const base = new URL(override === undefined ? usual : withoutSlash(override) + (typeof baseUrl === 'string' ? afterOverride : baseUrl.path));
    const place = { pool: override === undefined ? this.#pool('catalogue', base.origin, egress) : this.#pool('set', base.origin, egress.toNamed), basePath: `${withoutSlash(base.pathname)}/` };
    return () => place;
  }

  find(service: string, format: ApiFormat): Upstream | undefined {
    return this.#upstreams[format].get(service);
  }

  /** Closes every connection, busy ones too. */
  destroy(): void {
    for (const pool of this.#pools.values()) pool.destroy();
    this.#registered.destroy();
  }

  #pool(namedBy: 'catalogue' | 'set', origin: string, way: Way): UpstreamPool {
    const name = `${namedBy} ${origin}`;
    let pool = this.#pools.get(name);
    if (pool === undefined) {
      pool = new UpstreamPool(origin, TIMES, { way });
      this.#pools.set(name, pool);
    }
    return pool;
  }
}

function withoutSlash(text: string): string {
  return text.endsWith('/') ? text.slice(0, -1) : text;
}
