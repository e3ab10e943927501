import type { Catalog } from '../core/catalog/catalog.ts';
import type { ApiEndpoint, ApiFormat, GatewaySpec, Service } from '../core/catalog/service.ts';
import type { Egress } from '../egress/egress.ts';
import { HeaderRules } from './header-choice.ts';
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

/** One service in one API format, ready to be called. */
export interface Upstream {
  readonly service: Service;
  readonly gateway: GatewaySpec;
  readonly format: ApiFormat;
  readonly endpoint: ApiEndpoint;
  readonly pool: UpstreamPool;
  /** What stands before a route's path; ends with a slash. */
  readonly basePath: string;
  readonly headers: HeaderRules;
}

/**
 * Every address the gateway may call: the catalogue's, or what an operator set instead (R0.1). None comes from a caller (CVE-2024-6587). What the catalogue's
 * names lead to is looked at and pinned for each connection (S33): whoever answers for a name must not lead keys into a private network. What an operator
 * set may be anywhere.
 */
export class Upstreams {
  readonly #upstreams = new Map<string, Upstream>();
  readonly #pools = new Map<string, UpstreamPool>();

  constructor(catalog: Catalog, baseUrls: ReadonlyMap<string, string>, egress: Pick<Egress, 'lookup'>) {
    for (const service of catalog.list()) {
      const { gateway } = service;
      if (gateway === null) continue;
      const headers = new HeaderRules(gateway);
      for (const format of ['openai', 'anthropic'] as const) {
        const endpoint = gateway.endpoints[format];
        if (endpoint === undefined) continue;
        const override = baseUrls.get(service.id);
        const base = new URL(override === undefined ? endpoint.baseUrl : withoutSlash(override) + (endpoint.afterOverride ?? ''));
        this.#upstreams.set(`${format} ${service.id}`, {
          service,
          gateway,
          format,
          endpoint,
          pool: this.#pool(base.origin, override === undefined ? egress : undefined),
          basePath: `${withoutSlash(base.pathname)}/`,
          headers,
        });
      }
    }
  }

  find(service: string, format: ApiFormat): Upstream | undefined {
    return this.#upstreams.get(`${format} ${service}`);
  }

  /** Closes every connection, busy ones too. */
  destroy(): void {
    for (const pool of this.#pools.values()) pool.destroy();
  }

  #pool(origin: string, egress: Pick<Egress, 'lookup'> | undefined): UpstreamPool {
    const name = `${egress === undefined ? 'set' : 'catalogue'} ${origin}`;
    let pool = this.#pools.get(name);
    if (pool === undefined) {
      pool = new UpstreamPool(origin, { connectMs: CONNECT_TIMEOUT_MS, answerMs: ANSWER_TIMEOUT_MS, idleMs: KEEP_ALIVE_MS }, egress?.lookup);
      this.#pools.set(name, pool);
    }
    return pool;
  }
}

function withoutSlash(text: string): string {
  return text.endsWith('/') ? text.slice(0, -1) : text;
}
