import type { GatewayKeyRecord, GatewayKeyRepository, TokenRecord, TokenRepository } from '../../../ports/metadata/access.ts';
import type { TenantBudgetsRecord } from '../../../ports/metadata/budgets.ts';
import type { DataKeyKey, DataKeyRecord, DataKeyRepository, PlatformRecord, PlatformRecordName, SealedValueKey, SealedValueRecord, SealedValueRepository } from '../../../ports/metadata/sealed.ts';
import type { LeaseRecord } from '../../../ports/metadata/leases.ts';
import type { LimitsKey, LimitsRecord } from '../../../ports/metadata/limits.ts';
import type { OwnVaultRecord } from '../../../ports/metadata/own-vaults.ts';
import type { PriceBookRecord } from '../../../ports/metadata/prices.ts';
import type { Page, PageRequest, Stored } from '../../../ports/metadata/stored.ts';
import type { PolicyRecord, TenantRecord, TenantRepository } from '../../../ports/metadata/tenants.ts';
import type { MetadataStore } from '../../../ports/metadata-store.ts';
import { type Scope, sameScope, scopeKey } from '../../../ports/scope.ts';
import { MemoryAudit } from './memory-audit.ts';
import { MemoryBudgetAccounts } from './memory-budgets.ts';
import { MemoryCredentials } from './memory-credentials.ts';
import { MemorySessions } from './memory-sessions.ts';
import { MemoryUsage } from './memory-usage.ts';
import { MemoryUsageSegments } from './memory-usage-segments.ts';
import { MemoryMemberships, MemoryRoles, MemoryUsers } from './memory-users.ts';
import { RecordMap, storedOnly } from './record-map.ts';

interface Id {
  readonly id: string;
}

/**
 * The metadata store in memory, for tests: it keeps every rule of the port, and forgets everything at the end. Nothing in it waits,
 * so that concurrent writers are decided in the order of their calls.
 */
export function createMemoryStore(): MetadataStore {
  const credentials = new MemoryCredentials();
  return {
    kind: 'memory',
    tenants: new MemoryTenants(),
    policies: new RecordMap<{ readonly tenant: string }, PolicyRecord>(({ tenant }) => [tenant]),
    limits: new RecordMap<LimitsKey, LimitsRecord>(({ tenant, layer }) => [tenant, layer]),
    priceBooks: new RecordMap<{ readonly scope: Scope }, PriceBookRecord>(({ scope }) => [scopeKey(scope)]),
    tenantBudgets: new RecordMap<{ readonly tenant: string }, TenantBudgetsRecord>(({ tenant }) => [tenant]),
    budgetAccounts: new MemoryBudgetAccounts(),
    ownVaults: new RecordMap<{ readonly tenant: string }, OwnVaultRecord>(({ tenant }) => [tenant]),
    credentials,
    credentialMaintenance: credentials,
    tokens: new MemoryTokens(),
    gatewayKeys: new MemoryGatewayKeys(),
    users: new MemoryUsers(),
    memberships: new MemoryMemberships(),
    roles: new MemoryRoles(),
    sessions: new MemorySessions(),
    sealedValues: new MemorySealedValues(),
    dataKeys: new MemoryDataKeys(),
    platform: new RecordMap<{ readonly name: PlatformRecordName }, PlatformRecord>(({ name }) => [name]),
    leases: new RecordMap<{ readonly name: string }, LeaseRecord>(({ name }) => [name]),
    audit: new MemoryAudit(),
    usage: new MemoryUsage(),
    usageSegments: new MemoryUsageSegments(),
    ping: async () => {},
    wipe: async () => {},
    close: async () => {},
  };
}

class MemoryTenants extends RecordMap<{ readonly tenant: string }, TenantRecord> implements TenantRepository {
  constructor() {
    super(({ tenant }) => [tenant]);
  }

  async list(page: PageRequest): Promise<Page<Stored<TenantRecord>>> {
    const { items, next } = this.page({ name: 'tenants', shape: ['string'], placeOf: ({ key }) => [key.tenant], given: [], holds: () => true }, page);
    return { items: items.map(storedOnly), next };
  }
}

class MemoryTokens extends RecordMap<Id, TokenRecord> implements TokenRepository {
  constructor() {
    super(({ id }) => [id]);
  }

  async list(scope: Scope, page: PageRequest): Promise<Page<Stored<TokenRecord>>> {
    const holds = ({ record }: Stored<TokenRecord>): boolean => sameScope(record.scope, scope);
    const { items, next } = this.page({ name: 'tokens', shape: ['string'], placeOf: ({ key }) => [key.id], given: [scopeKey(scope)], holds }, page);
    return { items: items.map(storedOnly), next };
  }
}

class MemoryGatewayKeys extends RecordMap<Id, GatewayKeyRecord> implements GatewayKeyRepository {
  constructor() {
    super(({ id }) => [id]);
  }

  async list(tenant: string, page: PageRequest): Promise<Page<Stored<GatewayKeyRecord>>> {
    const holds = ({ record }: Stored<GatewayKeyRecord>): boolean => record.tenant === tenant;
    const { items, next } = this.page({ name: 'gateway-keys', shape: ['string'], placeOf: ({ key }) => [key.id], given: [tenant], holds }, page);
    return { items: items.map(storedOnly), next };
  }
}

class MemorySealedValues extends RecordMap<SealedValueKey, SealedValueRecord> implements SealedValueRepository {
  constructor() {
    super(({ scope, service, label, version }) => [scopeKey(scope), service, label, version]);
  }

  async list(scope: Scope, page: PageRequest): Promise<Page<Stored<SealedValueRecord> & { readonly key: SealedValueKey }>> {
    return this.page(
      {
        name: 'sealed-values',
        shape: ['string', 'string', 'number'],
        placeOf: ({ key }) => [key.service, key.label, key.version],
        given: [scopeKey(scope)],
        holds: ({ key }) => sameScope(key.scope, scope),
      },
      page,
    );
  }
}

class MemoryDataKeys extends RecordMap<DataKeyKey, DataKeyRecord> implements DataKeyRepository {
  constructor() {
    super(({ scope, id }) => [scopeKey(scope), id]);
  }

  async list(scope: Scope): Promise<readonly (Stored<DataKeyRecord> & { readonly id: string })[]> {
    const entries = this.all({
      placeOf: ({ key, record }) => [record.createdAt, key.id],
      given: [scopeKey(scope)],
      holds: ({ key }) => sameScope(key.scope, scope),
    });
    return entries.map(({ key, record, revision }) => ({ id: key.id, record, revision }));
  }
}
