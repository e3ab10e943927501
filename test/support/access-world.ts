import { randomBytes } from 'node:crypto';
import { createInProcessBus } from '../../src/adapters/bus/in-process.ts';
import { createMemoryStore } from '../../src/adapters/metadata-store/memory/memory-store.ts';
import { allServices } from '../../catalog/all-services.ts';
import { readListPrices } from '../../catalog/list-prices.ts';
import type { Action } from '../../src/core/access/actions.ts';
import type { Actor } from '../../src/core/access/actor.ts';
import { Access } from '../../src/core/access/authorize.ts';
import { GatewayKeyFinder } from '../../src/core/access/gateway-key-finder.ts';
import { GatewayKeyService } from '../../src/core/access/gateway-key-service.ts';
import { FirstSignIns } from '../../src/core/access/first-sign-ins.ts';
import type { Grant } from '../../src/core/access/grant.ts';
import { Idempotency } from '../../src/core/access/idempotency.ts';
import { Issuers } from '../../src/core/access/issuers.ts';
import { Principals } from '../../src/core/access/principals.ts';
import { resourceText, type Resource } from '../../src/core/access/resource.ts';
import { MemberService } from '../../src/core/access/member-service.ts';
import { PlatformAdministrators } from '../../src/core/access/platform-administrators.ts';
import { UserService } from '../../src/core/access/user-service.ts';
import { Sessions, type SessionHolders } from '../../src/core/access/sessions.ts';
import { Users } from '../../src/core/access/users.ts';
import { CustomRoles } from '../../src/core/access/custom-roles.ts';
import { RoleService } from '../../src/core/access/role-service.ts';
import { TokenService } from '../../src/core/access/token-service.ts';
import type { AuditLog } from '../../src/core/audit/audit-log.ts';
import { Catalog } from '../../src/core/catalog/catalog.ts';
import { LimitsService } from '../../src/core/limits/limits-service.ts';
import { ModelList } from '../../src/core/prices/model-list.ts';
import { PriceList } from '../../src/core/prices/price-list.ts';
import { PriceService } from '../../src/core/prices/price-service.ts';
import { Prices } from '../../src/core/prices/prices.ts';
import { CachedTenantStates } from '../../src/core/tenants/cached-tenant-states.ts';
import { Policies } from '../../src/core/tenants/policies.ts';
import { PolicyService } from '../../src/core/tenants/policy-service.ts';
import { TenantService } from '../../src/core/tenants/tenant-service.ts';
import type { BusNews } from '../../src/ports/bus.ts';
import { KeyholdError } from '../../src/ports/errors.ts';
import type { Log } from '../../src/ports/log.ts';
import type { TenantRecord } from '../../src/ports/metadata/tenants.ts';
import type { MetadataStore } from '../../src/ports/metadata-store.ts';
import type { Metrics } from '../../src/ports/metrics.ts';
import { platformScope, type Scope, tenantScope } from '../../src/ports/scope.ts';
import { testIssuer } from './test-issuer.ts';

const nothing = () => undefined;
const silentLog: Log = { debug: nothing, info: nothing, warn: nothing, error: nothing };
const noMetrics: Metrics = {
  gatewayRequest: nothing,
  openRequests: nothing,
  controlRequest: nothing,
  storeRead: nothing,
  cache: nothing,
  valuesWaiting: () => undefined,
  servedStale: nothing,
  journalPending: nothing,
  auditFailed: nothing,
  budgetAlert: nothing,
  bus: nothing,
  busConnected: nothing,
  busDelivery: nothing,
  render: async () => ({ contentType: 'text/plain', body: '' }),
};

export const platformAdmin: Actor = { kind: 'token', id: 'platformadmin000', role: 'platform-admin', scope: platformScope };

export function tenantActor(role: 'tenant-admin' | 'tenant-member' | 'tenant-auditor', tenant = 'acme', id = `${role.replace('-', '')}0000`): Actor {
  return { kind: 'token', id, role, scope: tenantScope(tenant) };
}

const priceList = new PriceList(readListPrices);

/** The rooms of access and tenants over a store in memory, with a clock that tests move and an audit log that they read. */
export function createAccessWorld(store: MetadataStore = createMemoryStore()) {
  let time = Date.UTC(2026, 10, 1);
  const clock = { now: () => time, monotonic: () => time };
  const bus = createInProcessBus();
  const published: BusNews[] = [];
  bus.subscribe((message) => void published.push(message));
  const rows: string[] = [];
  const audit: AuditLog & { broken: boolean } = {
    broken: false,
    async intent({ actor, action, resource }) {
      if (audit.broken) throw new KeyholdError('unavailable', 'The audit log cannot be written.');
      rows.push(`intent ${action} ${actor.id} ${resourceText(resource)}`);
      return String(rows.length);
    },
    async outcome(_intentId, outcome, code) {
      rows.push(code === null ? `outcome ${outcome}` : `outcome ${outcome} ${code}`);
    },
    async denied({ actor, action, resource, code }) {
      rows.push(`denied ${action} ${actor.id} ${resourceText(resource)} ${code}`);
    },
    signInFailed: nothing,
    list: async () => ({ items: [], next: undefined }),
  };
  const customRoles = new CustomRoles({ roles: store.roles, bus, clock, metrics: noMetrics });
  const administrators = new PlatformAdministrators({ ...store, bus, clock });
  const issuers = new Issuers([testIssuer()]);
  const dependencies = { ...store, administrators, issuers, bus, clock, random: randomBytes, metrics: noMetrics, log: silentLog, catalog: new Catalog(allServices), customRoles };
  const seal = { sealed: false, isSealed: (): boolean => seal.sealed };
  const access = new Access({ clock, audit, tenants: new CachedTenantStates(dependencies), seal });
  const perform = <T>(actor: Actor, action: Action, resource: Resource, operation: (grant: Grant) => Promise<T>) => access.perform(actor, action, resource, null, operation);
  const memberService = new MemberService(dependencies);
  const principals = new Principals({ ...dependencies, bootstrap: null });
  const userReader = new Users(dependencies);
  const holders: SessionHolders = { ofToken: (id, digest) => principals.ofToken(id, digest), ofUser: (id) => userReader.actorOf(id) };
  return {
    ...dependencies,
    store,
    seal,
    access,
    audit,
    rows,
    published,
    perform,
    tenantService: new TenantService(dependencies),
    tokenService: new TokenService(dependencies),
    roleService: new RoleService(dependencies),
    gatewayKeyFinder: new GatewayKeyFinder(dependencies),
    memberService,
    userService: new UserService(dependencies),
    userReader,
    sessions: new Sessions({ ...dependencies, holders, lifetimeMs: 12 * 3_600_000, idleMs: 3_600_000 }),
    firstSignIns: new FirstSignIns({ ...dependencies, access, members: memberService, users: userReader }),
    gatewayKeyService: new GatewayKeyService(dependencies),
    policyService: new PolicyService(dependencies),
    limitsService: new LimitsService(dependencies),
    policyReader: new Policies(dependencies),
    priceService: new PriceService(dependencies),
    prices: new Prices({ ...dependencies, priceList }),
    modelList: new ModelList({ ...dependencies, priceList, prices: new Prices({ ...dependencies, priceList }) }),
    principals,
    idempotency: new Idempotency(Buffer.alloc(32, 9), clock),
    advance(ms: number): void {
      time += ms;
    },
    async addTenant(tenant: string, state: TenantRecord['state'] = 'active'): Promise<Scope> {
      await store.tenants.create(
        { tenant },
        { id: tenant, name: tenant, state, adminTokens: [], createdAt: time, createdBy: 'test', deletedAt: null, idempotency: null },
      );
      return tenantScope(tenant);
    },
  };
}

export type AccessWorld = ReturnType<typeof createAccessWorld>;
