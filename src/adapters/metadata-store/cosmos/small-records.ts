import type { LeaseRecord } from '../../../ports/metadata/leases.ts';
import type { LimitsKey, LimitsRecord } from '../../../ports/metadata/limits.ts';
import type { OwnVaultRecord } from '../../../ports/metadata/own-vaults.ts';
import type { PriceBookRecord } from '../../../ports/metadata/prices.ts';
import type { PlatformRecord, PlatformRecordName } from '../../../ports/metadata/sealed.ts';
import type { PolicyRecord, TenantRecord, TenantRepository } from '../../../ports/metadata/tenants.ts';
import type { Page, PageRequest, Stored } from '../../../ports/metadata/stored.ts';
import { type Scope, scopeKey, tenantScope } from '../../../ports/scope.ts';
import type { CosmosItems } from './cosmos-items.ts';
import { CosmosList, partsOf } from './cosmos-list.ts';
import { CosmosRecords } from './cosmos-records.ts';
import { partitionKey, type RecordKind } from './record-place.ts';

interface TenantKey {
  readonly tenant: string;
}

/** All together, since they are listed together; a million of them are 1 GB. */
const TENANTS = ['tenants'] as const;

/** What exists once for the whole installation is in this partition, the schema's version with it. */
export const INSTALLATION = ['installation'] as const;

export const tenants: RecordKind<TenantKey, TenantRecord> = { kind: 'tenant', partsOf: ({ tenant }) => [tenant], partitionOf: () => TENANTS };

const ofTenant = { partsOf: ({ tenant }: TenantKey) => [tenant], partitionOf: ({ tenant }: TenantKey) => [scopeKey(tenantScope(tenant))] } as const;

export const policies: RecordKind<TenantKey, PolicyRecord> = { kind: 'policy', ...ofTenant };

export const limits: RecordKind<LimitsKey, LimitsRecord> = { kind: 'limits', partsOf: ({ tenant, layer }) => [tenant, layer], partitionOf: ofTenant.partitionOf };
export const priceBooks: RecordKind<{ readonly scope: Scope }, PriceBookRecord> = { kind: 'price-book', partsOf: ({ scope }) => [scopeKey(scope)], partitionOf: ({ scope }) => [scopeKey(scope)] };

export const ownVaults: RecordKind<TenantKey, OwnVaultRecord> = { kind: 'own-vault', ...ofTenant };

export const platform: RecordKind<{ readonly name: PlatformRecordName }, PlatformRecord> = { kind: 'platform', partsOf: ({ name }) => [name], partitionOf: () => INSTALLATION };

export const leases: RecordKind<{ readonly name: string }, LeaseRecord> = { kind: 'lease', partsOf: ({ name }) => [name], partitionOf: () => INSTALLATION };

/** Tenants in Cosmos DB. */
export class CosmosTenants extends CosmosRecords<TenantKey, TenantRecord> implements TenantRepository {
  readonly #list: CosmosList;

  constructor(items: CosmosItems) {
    super(items, tenants);
    this.#list = new CosmosList(items, { name: 'tenants', kind: tenants.kind, shape: ['string'], placeOf: partsOf });
  }

  async list(page: PageRequest): Promise<Page<Stored<TenantRecord>>> {
    const { items, next } = await this.#list.page({ pk: partitionKey(TENANTS) }, page);
    return { items: items.map((item) => this.stored(item)), next };
  }
}
