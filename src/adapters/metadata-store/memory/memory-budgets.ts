import type { BudgetAccountKey, BudgetAccountRecord, BudgetAccountRepository } from '../../../ports/metadata/budgets.ts';
import type { Page, PageRequest } from '../../../ports/metadata/stored.ts';
import { hasOutstanding } from '../budget-outstanding.ts';
import { RecordMap } from './record-map.ts';

/** Accounts of budgets in memory. */
export class MemoryBudgetAccounts extends RecordMap<BudgetAccountKey, BudgetAccountRecord> implements BudgetAccountRepository {
  constructor() {
    super(({ tenant, budget, period }) => [tenant, budget, period]);
  }

  async outstanding(page: PageRequest): Promise<Page<BudgetAccountKey>> {
    const { items, next } = this.page(
      {
        name: 'outstanding-budgets',
        shape: ['string', 'string', 'string'],
        placeOf: ({ key }) => [key.tenant, key.budget, key.period],
        given: [],
        holds: ({ record }) => hasOutstanding(record),
      },
      page,
    );
    return { items: items.map(({ key }) => key), next };
  }
}
