import { sql, type SqlBool } from 'kysely';
import type { BudgetAccountKey, BudgetAccountRecord, BudgetAccountRepository, TenantBudgetsRecord } from '../../../ports/metadata/budgets.ts';
import type { Page, PageRequest } from '../../../ports/metadata/stored.ts';
import { hasOutstanding } from '../budget-outstanding.ts';
import type { SqlDialect } from './dialect.ts';
import { type SqlExecutor, textOf } from './executor.ts';
import type { RecordTable } from './record-table.ts';
import { SqlList } from './sql-list.ts';
import { SqlRecords } from './sql-records.ts';
import { tenantTable } from './sql-tenants.ts';

export const tenantBudgetsTable: RecordTable<{ readonly tenant: string }, TenantBudgetsRecord> = { ...tenantTable, name: 'tenant_budgets', indexOf: () => ({}) };

export const budgetAccountTable: RecordTable<BudgetAccountKey, BudgetAccountRecord> = {
  name: 'budget_accounts',
  keyColumns: ['tenant', 'budget', 'period'],
  keyOf: ({ tenant, budget, period }) => ({ tenant, budget, period }),
  indexColumns: ['outstanding'],
  indexOf: (record) => ({ outstanding: hasOutstanding(record) ? 1 : null }),
};

/** Accounts of budgets in SQL. */
export class SqlBudgetAccounts extends SqlRecords<BudgetAccountKey, BudgetAccountRecord> implements BudgetAccountRepository {
  readonly #outstanding: SqlList;

  constructor(executor: SqlExecutor, dialect: SqlDialect) {
    super(executor, dialect, budgetAccountTable);
    this.#outstanding = new SqlList(executor, dialect, {
      name: 'outstanding-budgets',
      table: budgetAccountTable.name,
      equal: [],
      order: budgetAccountTable.keyColumns.map((column) => ({ column, lowest: '' })),
      where: sql<SqlBool>`outstanding is not null`,
    });
  }

  async outstanding(page: PageRequest): Promise<Page<BudgetAccountKey>> {
    const { items, next } = await this.#outstanding.page({}, page);
    return { items: items.map((row) => ({ tenant: textOf(row, 'tenant'), budget: textOf(row, 'budget'), period: textOf(row, 'period') })), next };
  }
}
