import type { BudgetUnit } from '../../ports/metadata/budgets.ts';
import { dollars, wholeUnits } from '../prices/money.ts';

const NANO_DIGITS = 9;
/** Whole nano-dollars stay exact integers below nine million dollars. */
export const MAX_DOLLARS = 9_000_000;

/** An amount as the API shows it: one property, named by its unit. */
export type BudgetAmount = { readonly money: string; readonly currency: string } | { readonly tokens: number } | { readonly requests: number };

/** Whole nano-dollars of a decimal number; undefined for what is none, is finer, or is not above 0 and below `MAX_DOLLARS`. */
export function budgetMoney(text: string): number | undefined {
  const nano = wholeUnits(text, NANO_DIGITS);
  return nano === undefined || nano === 0 || nano >= MAX_DOLLARS * 10 ** NANO_DIGITS ? undefined : nano;
}

/** May be below 0: what is left where more was used than there was. */
export function budgetAmount(unit: BudgetUnit, amount: number): BudgetAmount {
  if (unit === 'tokens') return { tokens: amount };
  if (unit === 'requests') return { requests: amount };
  const { amount: money, currency } = dollars(Math.abs(amount));
  return { money: amount < 0 ? `-${money}` : money, currency };
}

/** For sentences. */
export function amountText(unit: BudgetUnit, amount: number): string {
  const shown = budgetAmount(unit, amount);
  return 'money' in shown ? `${shown.currency} ${shown.money}` : `${amount.toLocaleString('en')} ${amount === 1 ? unit.slice(0, -1) : unit}`;
}
