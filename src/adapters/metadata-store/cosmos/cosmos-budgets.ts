import type { BudgetAccountKey, BudgetAccountRecord, BudgetAccountRepository, TenantBudgetsRecord } from '../../../ports/metadata/budgets.ts';
import type { Page, PageRequest } from '../../../ports/metadata/stored.ts';
import { scopeKey, tenantScope } from '../../../ports/scope.ts';
import { hasOutstanding } from '../budget-outstanding.ts';
import type { CosmosItems } from './cosmos-items.ts';
import { CosmosList, partsOf } from './cosmos-list.ts';
import { CosmosRecords } from './cosmos-records.ts';
import type { RecordKind } from './record-place.ts';

const KIND = 'budget-account';

export const tenantBudgets: RecordKind<{ readonly tenant: string }, TenantBudgetsRecord> = {
  kind: 'budgets',
  partsOf: ({ tenant }) => [tenant],
  partitionOf: ({ tenant }) => [scopeKey(tenantScope(tenant))],
};

/** `outstanding` is only there where something is. */
export const budgetAccounts: RecordKind<BudgetAccountKey, BudgetAccountRecord> = {
  kind: KIND,
  partsOf: ({ tenant, budget, period }) => [tenant, budget, period],
  partitionOf: ({ tenant }) => [scopeKey(tenantScope(tenant))],
  indexOf: (_key, record) => (hasOutstanding(record) ? { outstanding: 1 } : {}),
};

/** Accounts of budgets in Cosmos DB, with everything of their tenant. */
export class CosmosBudgetAccounts extends CosmosRecords<BudgetAccountKey, BudgetAccountRecord> implements BudgetAccountRepository {
  readonly #outstanding: CosmosList;

  constructor(items: CosmosItems) {
    super(items, budgetAccounts);
    this.#outstanding = new CosmosList(items, { name: 'outstanding-budgets', kind: KIND, shape: ['string', 'string', 'string'], placeOf: partsOf, where: ['c.outstanding = 1'] });
  }

  async outstanding(page: PageRequest): Promise<Page<BudgetAccountKey>> {
    const { items, next } = await this.#outstanding.page({}, page);
    return {
      items: items.map((item) => {
        const [tenant = '', budget = '', period = ''] = partsOf(item).map(String);
        return { tenant, budget, period };
      }),
      next,
    };
  }
}
