import { createServer, request as httpRequest, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { randomBytes } from 'node:crypto';
import { allServices } from '../../catalog/all-services.ts';
import { readListPrices } from '../../catalog/list-prices.ts';
import { makeUseGrant } from '../../src/core/access/grant.ts';
import type { Principal } from '../../src/core/access/principals.ts';
import { Catalog } from '../../src/core/catalog/catalog.ts';
import type { RateLimits } from '../../src/core/limits/rate-limits.ts';
import { PriceList } from '../../src/core/prices/price-list.ts';
import type { Resolved } from '../../src/core/resolution/resolved.ts';
import { Egress } from '../../src/egress/egress.ts';
import { ClientAddresses } from '../../src/gateway/client/client-address.ts';
import { ClientCertificates } from '../../src/gateway/client/client-certificates.ts';
import { createGateway, type Gateway } from '../../src/gateway/gateway.ts';
import type { GatewayDependencies } from '../../src/gateway/gateway-dependencies.ts';
import { KeyholdError } from '../../src/ports/errors.ts';
import type { Log } from '../../src/ports/log.ts';
import type { GatewayKeyRecord } from '../../src/ports/metadata/access.ts';
import type { PolicyRecord } from '../../src/ports/metadata/tenants.ts';
import type { GatewayRequestMetric } from '../../src/ports/metrics.ts';
import { tenantScope } from '../../src/ports/scope.ts';
import { SecretValue } from '../../src/ports/secret-value.ts';
import type { KeySource, UsageEvent, UsageStart } from '../../src/ports/usage.ts';
import { gatewayKeyRecord } from './gateway-key-record.ts';

/** The gateway on a port of its own, with everything around it played by this object; what it does is kept to be looked at. */
export interface GatewayFixture {
  readonly url: string;
  readonly gateway: Gateway;
  readonly started: UsageStart[];
  readonly ended: UsageEvent[];
  readonly metrics: GatewayRequestMetric[];
  readonly logged: string[];
  readonly signInsFailed: string[];
  readonly denied: string[];
  /** By gateway key's text; `key` belongs to tenant `acme`. */
  readonly principals: Map<string, Principal>;
  policy: PolicyRecord;
  source: KeySource;
  /** What the credential holds. */
  key: string;
  /** What a refreshed credential holds; undefined: nothing newer. */
  newerKey: string | undefined;
  /** Thrown instead of resolving. */
  refusal: KeyholdError | undefined;
  journalFull: boolean;
  /** Ends cannot be written; `held`: and answers wait for theirs. */
  journalEnds: 'written' | 'lost' | 'held';
  credentials: readonly string[];
  /** Left out: nothing is limited. */
  rateLimits: Pick<RateLimits, 'admit'> | undefined;
  close(): Promise<void>;
}

export interface FixtureOptions {
  readonly baseUrls: Readonly<Record<string, string>>;
  readonly limits?: NonNullable<GatewayDependencies['limits']>;
  /** Real parts in the place of those that the fixture plays. */
  readonly replaced?: Partial<GatewayDependencies>;
}

const listPrices = new PriceList(readListPrices);

export const defaultPolicy: PolicyRecord = {
  platformFallback: true,
  explicitKeys: true,
  defaultProvider: null,
  defaultModels: {},
  adoptOutsideChanges: false,
  validateOnAdd: false,
  unpricedModels: 'allow',
};

/** A tenant administrator's token as a principal. */
export function tokenOf(tenant: string): Principal {
  return { actor: { kind: 'token', id: 'token1', role: 'tenant-admin', scope: tenantScope(tenant) }, gatewayKey: null };
}

export function gatewayKeyOf(tenant: string, scope: Partial<GatewayKeyRecord>): Principal {
  const record = gatewayKeyRecord({ id: 'gk1', tenant, name: 'test', ...scope });
  return { actor: { kind: 'gateway-key', id: record.id, role: 'gateway-key', scope: tenantScope(tenant) }, gatewayKey: record };
}

export async function startGateway(options: FixtureOptions): Promise<GatewayFixture> {
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const kept = { started: [] as UsageStart[], ended: [] as UsageEvent[], metrics: [] as GatewayRequestMetric[], logged: [] as string[], signInsFailed: [] as string[], denied: [] as string[] };
  const state = {
    policy: defaultPolicy,
    source: 'tenant' as KeySource,
    key: 'sk-test-provider-key',
    newerKey: undefined as string | undefined,
    refusal: undefined as KeyholdError | undefined,
    journalFull: false,
    journalEnds: 'written' as 'written' | 'lost' | 'held',
    credentials: [] as readonly string[],
    rateLimits: undefined as Pick<RateLimits, 'admit'> | undefined,
  };
  const principals = new Map<string, Principal>([['key', tokenOf('acme')]]);
  const resolved = (service: Resolved['service'], key: string, version: number): Resolved => ({
    source: state.source,
    service,
    credentialId: 'cred_test000000000000',
    credentialVersion: version,
    label: 'default',
    fields: { api_key: new SecretValue(key) },
    settings: {},
    isCurrent: () => true,
  });
  const line =
    (level: string): Log['info'] =>
    (event, msg, fields) => {
      kept.logged.push(`${level} ${event} ${msg} ${JSON.stringify(fields ?? {}, (_, value: unknown) => (value instanceof Error ? inspect(value) : value))}`);
    };
  const gateway = createGateway({
    catalog: new Catalog(allServices),
    principals: { authenticate: async (presented) => principals.get(typeof presented === 'string' ? presented : presented.reveal()), ofCertificate: () => undefined, mayGoOn: async () => true },
    clientAddresses: new ClientAddresses([]),
    clientCertificates: new ClientCertificates(),
    egress: new Egress({ allowHosts: [] }),
    unknownKeys: { blockedFor: () => (kept.signInsFailed.length >= 20 ? 30 : undefined), note: () => undefined },
    audit: { signInFailed: (address) => kept.signInsFailed.push(address), denied: async ({ action, resource, code }) => void kept.denied.push(`${action} ${resource.id} ${code}`) },
    access: {
      authorizeUse: async (actor, requestId) => {
        if (actor.scope.kind !== 'tenant') throw new KeyholdError('permission_denied', 'Not for platform tokens.');
        return makeUseGrant(actor, actor.scope.tenant, requestId);
      },
    },
    budgets: { reserve: () => null },
    policies: { policyOf: async () => state.policy },
    prices: { tableOf: () => listPrices },
    resolver: {
      resolve: async (_grant, { service, explicitKey }) => {
        if (state.refusal !== undefined) throw state.refusal;
        if (explicitKey !== undefined) return { ...resolved(service, explicitKey.reveal(), 0), source: 'explicit', credentialId: null, credentialVersion: null };
        return resolved(service, state.key, 1);
      },
      refreshAfterRefusal: async ({ service }) => (state.newerKey === undefined ? undefined : resolved(service, state.newerKey, 2)),
    },
    rateLimits: { admit: (request) => state.rateLimits?.admit(request) },
    staleness: { callerMs: () => 0, secondsOf: () => 0 },
    journal: {
      name: '0123456789abcdef',
      get holdsAnswers() {
        return state.journalEnds === 'held';
      },
      begin: async (start) => {
        if (state.journalFull) throw new KeyholdError('unavailable', 'The disk is full.');
        kept.started.push(start);
      },
      end: async (event) => {
        await new Promise((resolve) => setTimeout(resolve, 2));
        if (state.journalEnds !== 'written') throw new KeyholdError('unavailable', 'The end cannot be written.');
        kept.ended.push(event);
      },
    },
    metrics: { gatewayRequest: (metric) => kept.metrics.push(metric), openRequests: () => undefined },
    log: { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') },
    clock: { now: () => Date.now(), monotonic: () => performance.now() },
    random: (count) => randomBytes(count),
    baseUrls: new Map(Object.entries(options.baseUrls)),
    defaultProvider: 'openai',
    aiCredentials: { of: () => state.credentials },
    ...(options.limits === undefined ? {} : { limits: options.limits }),
    ...options.replaced,
  });
  server.on('request', (request, response) => {
    if (gateway.owns(request.url ?? '/')) gateway.handle(request, response);
    else response.writeHead(421).end();
  });
  return Object.assign(state, kept, {
    url,
    gateway,
    principals,
    close: async () => {
      gateway.abortAll();
      server.closeAllConnections();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
    },
  });
}

export interface RawAnswer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
  /** The answer ended in order; a cut one did not. */
  readonly whole: boolean;
}

export interface RawRequest {
  readonly method?: string;
  readonly path: string;
  readonly headers?: OutgoingHttpHeaders | readonly string[];
  readonly body?: string | Buffer;
}

/** A request as plain as node:http makes it: any path, any header, and the answer's end as it really was. */
export function send(url: string, { method = 'POST', path, headers = {}, body }: RawRequest): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url);
    const request = httpRequest({ hostname, port, method, path, headers, agent: false });
    // A connection that is reset after the head is told by the answer, not as an error of the request.
    let answered = false;
    request.on('error', (error) => {
      if (!answered) reject(error);
    });
    request.on('response', (response) => {
      answered = true;
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', () => undefined);
      response.on('close', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks), whole: response.complete }));
    });
    request.end(body);
  });
}

/** A JSON request of tenant `acme`. */
export function ask(url: string, path: string, body: unknown, headers: OutgoingHttpHeaders = {}): Promise<RawAnswer> {
  return send(url, { path, headers: { authorization: 'Bearer key', 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) });
}

/** Waits until something is so, at most 10 s. */
export async function eventually(holds: () => boolean): Promise<void> {
  const until = Date.now() + 10_000;
  while (!holds()) {
    if (Date.now() > until) throw new Error('It did not happen within 10 seconds.');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
