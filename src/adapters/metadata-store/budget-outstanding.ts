import type { BudgetAccountRecord } from '../../ports/metadata/budgets.ts';

/** Whether somebody has leased something of it and not spent it: what accounts with something outstanding are found by. */
export function hasOutstanding({ slices }: BudgetAccountRecord): boolean {
  return slices.some(({ granted, spent }) => granted > spent);
}
