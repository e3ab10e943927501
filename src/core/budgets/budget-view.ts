import type { Budget, BudgetAccountRecord } from '../../ports/metadata/budgets.ts';
import { emptyAccount, isSilent, outstandingIn, outstandingOf } from './account.ts';
import { type BudgetAmount, budgetAmount } from './amount.ts';
import type { Period } from './periods.ts';

/** A budget, and where it stands in its period. Times are RFC 3339. */
export interface BudgetView extends Pick<Budget, 'id' | 'per' | 'hard' | 'unbounded'> {
  readonly amount: BudgetAmount;
  readonly models: readonly string[] | null;
  readonly period: string;
  /** null: it does not renew. */
  readonly renewsAt: string | null;
  readonly spent: BudgetAmount;
  /** Leased by replicas: for requests that are open, or come. */
  readonly reserved: BudgetAmount;
  /** Leased by replicas that are gone, where nobody knows what was spent of it. It counts as spent. */
  readonly unaccounted: BudgetAmount;
  /** Below 0 where what nothing bounded, or a smaller budget, made it so. */
  readonly left: BudgetAmount;
  readonly alerts: readonly { readonly percent: number; readonly at: string }[];
}

export function budgetView(budget: Budget, period: Period, record: BudgetAccountRecord = emptyAccount, now: number): BudgetView {
  const silent = record.slices.filter((slice) => isSilent(slice, now)).reduce((sum, slice) => sum + outstandingIn(slice), 0);
  const reserved = outstandingOf(record) - silent;
  const unaccounted = record.unaccounted + silent;
  const { id, unit, amount, per, hard, models, unbounded } = budget;
  return {
    id,
    amount: budgetAmount(unit, amount),
    per,
    hard,
    models,
    unbounded,
    period: period.name,
    renewsAt: period.until === null ? null : new Date(period.until).toISOString(),
    spent: budgetAmount(unit, record.spent),
    reserved: budgetAmount(unit, reserved),
    unaccounted: budgetAmount(unit, unaccounted),
    left: budgetAmount(unit, amount - record.spent - reserved - unaccounted),
    alerts: record.alerts.map(({ percent, at }) => ({ percent, at: new Date(at).toISOString() })),
  };
}
