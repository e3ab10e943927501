import type { Budget } from '../../ports/metadata/budgets.ts';
import type { BudgetShare } from '../../ports/usage.ts';
import type { Escrow, Taken } from './escrow.ts';
import type { Period } from './periods.ts';

/** What one request has reserved in one budget. */
export interface Reservation {
  readonly budget: Budget;
  readonly period: Period;
  readonly share: BudgetShare;
  /** null: not yet, or nothing need be held: the budget is a soft one. */
  taken: Taken | null;
}

/** What a request came to. */
export interface Used {
  /** 0: no provider was called. */
  readonly attempts: number;
  readonly tokens: number;
  /** Whole nano-dollars; null: it has no price. */
  readonly cost: number | null;
  /** The figures are not the provider's own final ones. */
  readonly estimated: boolean;
}

/** What one request holds of its budgets, until its end is in the journal. */
export class Reserved {
  readonly #escrow: Escrow;
  readonly #reservations: readonly Reservation[];
  readonly #journal: () => string;

  constructor(escrow: Escrow, reservations: readonly Reservation[], journal: () => string) {
    this.#escrow = escrow;
    this.#reservations = reservations;
    this.#journal = journal;
  }

  /** For the start entry. */
  get shares(): readonly BudgetShare[] {
    return this.#reservations.map(({ share }) => share);
  }

  /** Whether what is written into the journal now is written into the one under whose name it was leased. */
  get isCurrent(): boolean {
    const name = this.#journal();
    return this.#reservations.every(({ taken }) => taken === null || taken.account.journal === name);
  }

  /**
   * For the end entry. What is only estimated counts as what was reserved, or more: the provider may have billed that. A request that no provider was called
   * for counts nothing.
   */
  sharesOf(used: Used): readonly BudgetShare[] {
    return this.#reservations.map(({ budget, share }) => ({ ...share, amount: used.attempts === 0 ? 0 : amountOf(budget, share.amount, used) }));
  }

  /** The end entry stands, with these shares. */
  settle(shares: readonly BudgetShare[]): void {
    for (const [index, { taken }] of this.#reservations.entries()) {
      if (taken !== null) this.#escrow.settle(taken, shares[index]?.amount ?? taken.amount);
    }
  }

  /** Nothing of it has begun, and nothing will. */
  release(): void {
    for (const { taken } of this.#reservations) if (taken !== null) this.#escrow.settle(taken, 0);
  }
}

function amountOf({ unit }: Budget, reserved: number, { tokens, cost, estimated }: Used): number {
  if (unit === 'requests') return 1;
  const amount = unit === 'tokens' ? tokens : (cost ?? 0);
  return estimated ? Math.max(reserved, amount) : amount;
}
