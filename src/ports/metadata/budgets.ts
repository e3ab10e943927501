import type { Page, PageRequest, Repository } from './stored.ts';

export type BudgetUnit = 'money' | 'tokens' | 'requests';
export type BudgetPeriod = 'day' | 'week' | 'month' | 'total';

/** How much may be used in a period. */
export interface Budget {
  /** Follows from everything but the amount and `unbounded`, so that what was spent stays spent when these change. */
  readonly id: string;
  readonly unit: BudgetUnit;
  /** Whole nano-dollars, tokens or requests. */
  readonly amount: number;
  /** Days, weeks and months are those of the tenant's time zone. */
  readonly per: BudgetPeriod;
  /** Requests that do not fit are refused; a soft one only tells. */
  readonly hard: boolean;
  /** Globs over the models that it is for; null: everything. */
  readonly models: readonly string[] | null;
  /** What a hard one does with a request whose use nothing bounds. */
  readonly unbounded: 'refuse' | 'allow';
}

/** A tenant's budgets in both layers; both hold. Those of a gateway key are in its own record. */
export interface TenantBudgetsRecord {
  readonly own: readonly Budget[];
  /** Set by the platform, and not the tenant's to change. */
  readonly platform: readonly Budget[];
}

/** A tenant without a record has no budgets. */
export type TenantBudgetsRepository = Repository<{ readonly tenant: string }, TenantBudgetsRecord>;

export interface BudgetAccountKey {
  readonly tenant: string;
  readonly budget: string;
  /** `2026-11-28`, `2026-W48`, `2026-11` or `total`: a name and no time, so that neither a clock nor a time zone that changes makes a second account. */
  readonly period: string;
}

/** What one usage journal has taken of a budget. */
export interface BudgetSlice {
  readonly journal: string;
  /** What its process may have spent up to now, altogether. */
  readonly granted: number;
  /** What its delivered events have spent, altogether; what is left of `granted` is outstanding. */
  readonly spent: number;
  /** The journal's last segment that is in `spent`. */
  readonly segment: number;
  /** When it was last written, for people. */
  readonly writtenAt: number;
}

/** One budget in one period. What is committed of it: `spent`, `unaccounted`, and what is outstanding in slices. */
export interface BudgetAccountRecord {
  /** The sum of all delivered events. */
  readonly spent: number;
  /** Outstanding in journals that could not be read to their end: nobody knows whether it was spent, so it counts. */
  readonly unaccounted: number;
  readonly slices: readonly BudgetSlice[];
  /** Journals that are over and settled here, the last of them; nothing of theirs counts any more. */
  readonly closed: readonly string[];
  readonly alerts: readonly { readonly percent: number; readonly at: number }[];
}

export interface BudgetAccountRepository extends Repository<BudgetAccountKey, BudgetAccountRecord> {
  /** Accounts with something outstanding, of all tenants: for whoever settles what a dead process has left. In the order of their keys. */
  outstanding(page: PageRequest): Promise<Page<BudgetAccountKey>>;
}
