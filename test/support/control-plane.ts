import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { request as httpRequest, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { allServices } from '../../catalog/all-services.ts';
import { readListPrices } from '../../catalog/list-prices.ts';
import { createInProcessBus } from '../../src/adapters/bus/in-process.ts';
import { createMemoryStore } from '../../src/adapters/metadata-store/memory/memory-store.ts';
import { createMetrics } from '../../src/adapters/metrics/prometheus.ts';
import { createSealedStore } from '../../src/adapters/secret-store/sealed/sealed-store.ts';
import { LimitsService } from '../../src/core/limits/limits-service.ts';
import { KeptThere } from '../../src/core/own-vaults/kept-there.ts';
import { OwnVaultSecrets } from '../../src/core/own-vaults/own-vault-secrets.ts';
import { OwnVaultService } from '../../src/core/own-vaults/own-vault-service.ts';
import { memoryOwnVaults } from './memory-own-vaults.ts';
import { createMemorySecretStore, type MemorySecretStore } from '../../src/adapters/secret-store/memory/memory-secret-store.ts';
import { BrowserFlow } from '../../src/adapters/oidc/browser-flow.ts';
import { ProviderAnswers } from '../../src/adapters/oidc/provider-answers.ts';
import { Access } from '../../src/core/access/authorize.ts';
import { BrowserSignIns } from '../../src/core/access/browser-sign-ins.ts';
import { GatewayKeyFinder } from '../../src/core/access/gateway-key-finder.ts';
import { GatewayKeyService } from '../../src/core/access/gateway-key-service.ts';
import { InstallationSeal } from '../../src/core/access/installation-seal.ts';
import { Idempotency } from '../../src/core/access/idempotency.ts';
import { Issuers } from '../../src/core/access/issuers.ts';
import { Principals } from '../../src/core/access/principals.ts';
import { tokenDigest } from '../../src/core/access/token-text.ts';
import { MemberService } from '../../src/core/access/member-service.ts';
import { PlatformAdministrators } from '../../src/core/access/platform-administrators.ts';
import { type SessionHolders, Sessions } from '../../src/core/access/sessions.ts';
import { Users } from '../../src/core/access/users.ts';
import { UserService } from '../../src/core/access/user-service.ts';
import { CertificateRoles, type CertificateRolesDependencies } from '../../src/core/access/certificate-roles.ts';
import { CustomRoles } from '../../src/core/access/custom-roles.ts';
import { RoleService } from '../../src/core/access/role-service.ts';
import { SignInAttempts } from '../../src/core/access/sign-in-attempts.ts';
import { TokenService } from '../../src/core/access/token-service.ts';
import { UnknownKeys } from '../../src/core/access/unknown-keys.ts';
import { AuditHeads } from '../../src/core/audit/audit-heads.ts';
import { AuditProofs } from '../../src/core/audit/audit-proofs.ts';
import { createAuditLog } from '../../src/core/audit/audit-writer.ts';
import { LogTree } from '../../src/core/audit/log-tree.ts';
import { SigningKey } from '../../src/core/audit/notes/signing-key.ts';
import { Adoption } from '../../src/core/adoption/adoption.ts';
import { LegacyMigration } from '../../src/core/adoption/legacy-migration.ts';
import { Catalog } from '../../src/core/catalog/catalog.ts';
import { credentialParts } from '../../src/core/credentials/credential-parts.ts';
import { LegacyReader } from '../../src/core/credentials/legacy-reader.ts';
import { CredentialService } from '../../src/core/credentials/credential-service.ts';
import { CursorSeal } from '../../src/core/crypto/cursor-seal.ts';
import { CachedTenantStates } from '../../src/core/tenants/cached-tenant-states.ts';
import { StoreNames } from '../../src/core/stores/store-names.ts';
import { DataKeys } from '../../src/core/crypto/data-keys.ts';
import { DataKeyRotation } from '../../src/core/keys/data-key-rotation.ts';
import { DataKeyRotationService } from '../../src/core/keys/data-key-rotation-service.ts';
import { ProviderKeys } from '../../src/core/keys/provider-keys.ts';
import { TenantShredding } from '../../src/core/keys/tenant-shredding.ts';
import { RootKeyService } from '../../src/core/keys/root-key-service.ts';
import { JobList } from '../../src/core/replicas/job-list.ts';
import { StoreStatus } from '../../src/core/stores/store-status.ts';
import { WaitingValues } from '../../src/core/stores/waiting-values.ts';
import { ModelList } from '../../src/core/prices/model-list.ts';
import { PriceList } from '../../src/core/prices/price-list.ts';
import { PriceService } from '../../src/core/prices/price-service.ts';
import { Prices } from '../../src/core/prices/prices.ts';
import { BudgetService } from '../../src/core/budgets/budget-service.ts';
import { LostLeases } from '../../src/core/budgets/lost-leases.ts';
import { Policies } from '../../src/core/tenants/policies.ts';
import { PolicyService } from '../../src/core/tenants/policy-service.ts';
import { TenantService } from '../../src/core/tenants/tenant-service.ts';
import { UsageQuery } from '../../src/core/usage/usage-query.ts';
import { type ControlPlane, createControlPlane } from '../../src/http/control-plane.ts';
import type { ControlPlaneServices } from '../../src/http/control-plane-services.ts';
import { OwnAddress } from '../../src/http/own-address.ts';
import { createServer } from '../../src/http/server.ts';
import { ClientAddresses } from '../../src/gateway/client/client-address.ts';
import { Egress } from '../../src/egress/egress.ts';
import { ClientCertificates } from '../../src/gateway/client/client-certificates.ts';
import type { MetadataStore } from '../../src/ports/metadata-store.ts';
import { TestClock } from './credential-world.ts';
import { RecordingLog } from './recording-log.ts';
import { testIssuer } from './test-issuer.ts';
import { madeRootKey, MemoryPin, memoryWrapper } from './root-keys.ts';

/** The text of the token that signs in as the platform's administrator. */
export const platformAdminText = 'test-administrator-of-the-control-plane';

export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** The body, where it is a JSON object; else empty. */
  readonly json: Record<string, unknown>;
}

export interface HttpCall {
  /** null: none. Left out: the platform's administrator. */
  readonly token?: string | null;
  /** Sent as JSON, or, when it is a text or bytes, as it is. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
}

export interface TestControlPlane {
  readonly port: number;
  readonly controlPlane: ControlPlane;
  readonly services: ControlPlaneServices;
  readonly metadata: MetadataStore;
  readonly secrets: MemorySecretStore;
  readonly clock: TestClock;
  readonly log: RecordingLog;
  readonly call: (method: string, path: string, options?: HttpCall) => Promise<HttpAnswer>;
  /** As `call`, and fails unless the answer is a 2xx. */
  readonly must: (method: string, path: string, options?: HttpCall) => Promise<Record<string, unknown>>;
  /** Makes a token and returns its text; a tenant's first administrator is made by the platform, others by that one. */
  readonly token: (role: string, tenant?: string) => Promise<string>;
  readonly close: () => Promise<void>;
}

export interface TestControlPlaneOptions {
  readonly listenIsLoopback?: boolean;
  readonly publicUrl?: string | null;
  readonly readiness?: ControlPlaneServices['readiness'];
  readonly vault?: ControlPlaneServices['vault'];
  readonly metadata?: MetadataStore;
  /** Where certificates sign in: which connections have shown one, and who has which. */
  readonly clientCertificates?: ClientCertificates;
  readonly certificateEntries?: CertificateRolesDependencies['entries'];
}

/** A whole control plane over databases in memory, behind a real listener. */
export async function startControlPlane({ listenIsLoopback = true, readiness, vault = null, publicUrl = null, metadata = createMemoryStore(), clientCertificates = new ClientCertificates(), certificateEntries }: TestControlPlaneOptions = {}): Promise<TestControlPlane> {
  const clock = new TestClock();
  const log = new RecordingLog();
  const random = randomBytes;
  const bus = createInProcessBus();
  const secrets = createMemorySecretStore();
  const metrics = createMetrics();
  const catalog = new Catalog(allServices);
  const priceList = new PriceList(readListPrices);
  const { tenants, policies, credentials, tokens, gatewayKeys } = metadata;
  const tree = new LogTree(metadata.audit);
  const audit = createAuditLog({ repository: metadata.audit, tree, clock, random, replica: 'test', log, metrics });
  const auditHeads = new AuditHeads({ repository: metadata.audit, tree, keys: { current: SigningKey.fromSeed('keyhold/test', Buffer.alloc(32, 7)), former: [] }, heads: { place: 'memory', last: async () => undefined, keep: async () => {} } });
  const seal = await InstallationSeal.open({ platform: metadata.platform, bus, clock, log });
  const access = new Access({ clock, audit, tenants: new CachedTenantStates({ tenants, bus, clock, metrics }), seal });
  const waiting = new WaitingValues({ metrics, log });
  const shared = {
    records: credentials,
    stores: (kind: string) => (kind === secrets.kind ? secrets : undefined),
    catalog,
    bus,
    clock,
    random,
    log,
    digestKey: createHash('sha256').update('test digest key').digest(),
    waiting,
  };
  const parts = credentialParts(shared);
  const legacy = new LegacyReader({ cipher: null, fernetKeys: [], catalog });
  const { root } = await madeRootKey(metadata.platform, clock);
  const dataKeys = new DataKeys({ repository: metadata.dataKeys, root, bus, clock, random });
  const rotation = new DataKeyRotation({ platform: metadata.platform, tenants, dataKeys, users: [], wipe: async () => undefined, access, clock, random, log, step: () => undefined });
  const sealed = createSealedStore({ values: metadata.sealedValues, dataKeys, clock, random });
  const ownVaultService = new OwnVaultService({
    records: metadata.ownVaults,
    secrets: new OwnVaultSecrets({ sealed, values: metadata.sealedValues, random }),
    connector: memoryOwnVaults(),
    kept: new KeptThere({ credentials, writer: parts.writer }),
    usualStore: secrets.kind,
    bus,
    clock,
    random,
  });
  const platformAdministrators = new PlatformAdministrators({ ...metadata, bus, clock });
  const issuers = new Issuers([testIssuer()]);
  const customRoles = new CustomRoles({ roles: metadata.roles, bus, clock, metrics });
  const certificates = certificateEntries === undefined ? undefined : new CertificateRoles({ entries: certificateEntries, customRoles, clock: { now: () => Date.now(), monotonic: () => clock.monotonic() } });
  const principals = new Principals({ tokens, gatewayKeys, customRoles, certificates, bus, clock, metrics, bootstrap: { digest: tokenDigest(platformAdminText) } });
  const userReader = new Users({ ...metadata, administrators: platformAdministrators, customRoles, bus, clock, metrics });
  const holders: SessionHolders = { ofToken: (id, digest) => principals.ofToken(id, digest), ofUser: (id) => userReader.actorOf(id) };
  const sessions = new Sessions({ sessions: metadata.sessions, users: metadata.users, holders, bus, clock, random, metrics, lifetimeMs: 12 * 3_600_000, idleMs: 3_600_000 });
  const providers = new BrowserFlow({ providers: [], answers: new ProviderAnswers(new Egress({ allowHosts: [] })), clock });
  const services: ControlPlaneServices = {
    seal,
    tenants: new TenantService({ tenants, bus, clock, random }),
    policies: new PolicyService({ policies, catalog, bus }),
    limits: new LimitsService({ limits: metadata.limits, catalog, bus }),
    prices: new PriceService({ priceBooks: metadata.priceBooks, catalog, bus }),
    models: new ModelList({ priceList, prices: new Prices({ priceBooks: metadata.priceBooks, priceList, bus, clock, metrics }), catalog, clock }),
    ownVaults: ownVaultService,
    tokens: new TokenService({ ...metadata, administrators: platformAdministrators, bus, clock, random }),
    members: new MemberService({ ...metadata, issuers, bus, clock }),
    users: new UserService({ ...metadata, administrators: platformAdministrators, issuers, bus, clock }),
    roles: new RoleService({ roles: metadata.roles, bus, clock }),
    gatewayKeyFinder: new GatewayKeyFinder({ gatewayKeys, clock }),
    gatewayKeys: new GatewayKeyService({ gatewayKeys, catalog, bus, clock, random }),
    lostLeases: new LostLeases({ accounts: metadata.budgetAccounts, clock }),
    budgets: new BudgetService({ tenantBudgets: metadata.tenantBudgets, accounts: metadata.budgetAccounts, gatewayKeys, policies: new Policies({ policies, bus, clock, metrics }), delivery: { deliver: async () => undefined }, bus, clock }),
    credentials: new CredentialService({ ...shared, store: secrets }),
    adoption: new Adoption({ parts, sealed: secrets, legacy, random }),
    legacyMigration: new LegacyMigration({ parts, placement: { store: secrets }, legacy }),
    usage: new UsageQuery({ repository: metadata.usage, delivery: { deliver: async () => undefined }, clock }),
    jobs: new JobList({ leases: metadata.leases, once: [{ name: 'reconcile', description: 'Reconciles.' }], eachReplica: [{ name: 'deliver-usage', description: 'Delivers.' }] }),
    storeNames: new StoreNames({ stores: [secrets] }),
    storeStatus: new StoreStatus({ stores: [secrets], waiting }),
    dataKeyRotation: new DataKeyRotationService({ rotation, wake: () => undefined }),
    providerKeys: new ProviderKeys(metadata),
    shredding: new TenantShredding({ tenants, dataKeys, copies: { inVaults: async () => [], ofDatabase: (until) => ({ what: 'backups', place: 'the operator\'s', until }) }, wipe: async () => undefined, signer: SigningKey.fromSeed('keyhold/test', Buffer.alloc(32, 7)), bus, clock, log, step: () => undefined }),
    rootKeys: new RootKeyService({
      platform: metadata.platform,
      root,
      wipe: async () => undefined,
      clock,
      log,
      step: () => undefined,
      withNext: (work) => work({ wrapper: memoryWrapper('/etc/keyhold-2.key'), pin: new MemoryPin(), replaces: false }),
    }),
    vault,
    audit,
    auditProofs: new AuditProofs(metadata.audit, auditHeads),
    auditWitness: null,
    catalog,
    access,
    principals,
    sessions,
    browserSignIns: new BrowserSignIns({ issuers, providers, attempts: new SignInAttempts(Buffer.alloc(32, 5), { random, clock }), firstSignIns: { admit: async () => false }, users: metadata.users, holders, sessions, access, bus, clock, publicUrl }),
    ownAddress: new OwnAddress({ publicUrl, knownHosts: ['keyhold.internal'] }),
    clientAddresses: new ClientAddresses([]),
    clientCertificates,
    unknownKeys: new UnknownKeys(clock),
    idempotency: new Idempotency(createHash('sha256').update('test idempotency key').digest(), clock),
    cursors: new CursorSeal(createHash('sha256').update('test cursor key').digest(), random),
    log,
    metrics,
    clock,
    random,
    readiness: readiness ?? { report: async () => ({ ready: true, degraded: [] }) },
    listenIsLoopback,
    listensWithTls: false,
    version: '0.0.0-test',
  };
  const controlPlane = await createControlPlane(services);
  const server = createServer({ gateway: { owns: () => false, handle: () => undefined, serve: () => undefined }, controlPlane, random });
  const port = await listening(server);
  const call: TestControlPlane['call'] = (method, path, options = {}) => send(port, method, path, options);
  const must: TestControlPlane['must'] = async (method, path, options) => {
    const answer = await call(method, path, options);
    if (answer.status < 200 || answer.status > 299) throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`);
    return answer.json;
  };
  const administrators = new Map<string, string>();
  const token: TestControlPlane['token'] = async (role, tenant) => {
    if (tenant === undefined) return textOf(await must('POST', '/api/v1/tokens', { body: { name: role, role } }));
    const path = `/api/v1/tenants/${tenant}/tokens`;
    const administrator = administrators.get(tenant) ?? textOf(await must('POST', path, { body: { name: 'first', role: 'tenant-admin' } }));
    administrators.set(tenant, administrator);
    return role === 'tenant-admin' ? administrator : textOf(await must('POST', path, { token: administrator, body: { name: role, role } }));
  };
  return {
    port,
    controlPlane,
    services,
    metadata,
    secrets,
    clock,
    log,
    call,
    must,
    token,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await controlPlane.close();
      await audit.close();
    },
  };
}

async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

function textOf(body: Record<string, unknown>): string {
  return String(body['token']);
}

/** Not `fetch`, which normalises paths and headers on the way. */
function send(port: number, method: string, path: string, { token = platformAdminText, body, headers = {} }: HttpCall): Promise<HttpAnswer> {
  const raw = typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const request = httpRequest({
      host: '127.0.0.1',
      port,
      method,
      path,
      headers: {
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
        ...(raw === undefined ? {} : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(raw)) }),
        ...headers,
      } as Record<string, string | string[]>,
    });
    request.on('error', reject);
    request.on('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        const isJson = (response.headers['content-type'] ?? '').includes('json') && text !== '';
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text, json: isJson ? (JSON.parse(text) as Record<string, unknown>) : {} });
      });
    });
    request.end(raw);
  });
}
