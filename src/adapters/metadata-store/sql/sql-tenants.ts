import type { LimitsKey, LimitsRecord } from '../../../ports/metadata/limits.ts';
import type { OwnVaultRecord } from '../../../ports/metadata/own-vaults.ts';
import type { PriceBookRecord } from '../../../ports/metadata/prices.ts';
import type { Page, PageRequest, Stored } from '../../../ports/metadata/stored.ts';
import type { PolicyRecord, TenantRecord, TenantRepository } from '../../../ports/metadata/tenants.ts';
import { type Scope, scopeKey } from '../../../ports/scope.ts';
import type { SqlDialect } from './dialect.ts';
import type { SqlExecutor } from './executor.ts';
import type { RecordTable } from './record-table.ts';
import { SqlList } from './sql-list.ts';
import { SqlRecords } from './sql-records.ts';

interface TenantKey {
  readonly tenant: string;
}

export const tenantTable: RecordTable<TenantKey, TenantRecord> = {
  name: 'tenants',
  keyColumns: ['tenant'],
  keyOf: ({ tenant }) => ({ tenant }),
  indexColumns: [],
  indexOf: () => ({}),
};

export const policyTable: RecordTable<TenantKey, PolicyRecord> = { ...tenantTable, name: 'policies', indexOf: () => ({}) };

export const ownVaultTable: RecordTable<TenantKey, OwnVaultRecord> = { ...tenantTable, name: 'own_vaults', indexOf: () => ({}) };

export const limitsTable: RecordTable<LimitsKey, LimitsRecord> = {
  name: 'limits',
  keyColumns: ['tenant', 'layer'],
  keyOf: ({ tenant, layer }) => ({ tenant, layer }),
  indexColumns: [],
  indexOf: () => ({}),
};

export const priceBookTable: RecordTable<{ readonly scope: Scope }, PriceBookRecord> = {
  name: 'price_books',
  keyColumns: ['scope'],
  keyOf: ({ scope }) => ({ scope: scopeKey(scope) }),
  indexColumns: [],
  indexOf: () => ({}),
};

/** Tenants in SQL. */
export class SqlTenants extends SqlRecords<TenantKey, TenantRecord> implements TenantRepository {
  readonly #list: SqlList;

  constructor(executor: SqlExecutor, dialect: SqlDialect) {
    super(executor, dialect, tenantTable);
    this.#list = new SqlList(executor, dialect, { name: 'tenants', table: tenantTable.name, equal: [], order: [{ column: 'tenant', lowest: '' }] });
  }

  async list(page: PageRequest): Promise<Page<Stored<TenantRecord>>> {
    const { items, next } = await this.#list.page({}, page);
    return { items: items.map((row) => this.stored(row)), next };
  }
}
