import type { BudgetAccountKey, BudgetSlice } from '../../ports/metadata/budgets.ts';

interface Waiting {
  readonly amount: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** What this process holds of one budget in one period, under one journal's name. All sums are of the journal's whole life. */
export class LocalAccount {
  readonly key: BudgetAccountKey;
  readonly journal: string;
  budgetAmount: number;
  /** May be used altogether. Never more than the record says. */
  granted = 0;
  /** Settled, or reserved by open requests. */
  used = 0;
  /** At least what the record says was granted: a write whose outcome is unknown may have been kept. */
  recorded = 0;
  /** Requests that have not been settled. */
  open = 0;
  /** Beyond what is needed, as was last decided. */
  spare = 0;
  /** What `granted` could become when the record was last read. */
  grantable = 0;
  /** What nobody had leased or spent then. */
  uncommitted = 0;
  usedAt = 0;
  refillAt = 0;
  shortUntil = 0;
  shortLeft = 0;
  readonly waiting: Waiting[] = [];
  #isKnown = false;
  #isBusy = false;
  #reserved = 0;
  /** The most that was reserved at a time since it was last tended. */
  #peak = 0;

  constructor(key: BudgetAccountKey, journal: string, budgetAmount: number) {
    this.key = key;
    this.journal = journal;
    this.budgetAmount = budgetAmount;
  }

  get free(): number {
    return this.granted - this.used;
  }

  /** Somebody reads and writes its record now; one at a time does. */
  get isBusy(): boolean {
    return this.#isBusy;
  }

  /** Nobody would miss anything if the process were gone now. */
  get holdsNothing(): boolean {
    return this.open === 0 && !this.#isBusy && this.waiting.length === 0 && this.recorded <= this.used;
  }

  async alone<T>(work: () => Promise<T>): Promise<T> {
    this.#isBusy = true;
    try {
      return await work();
    } finally {
      this.#isBusy = false;
    }
  }

  /** A smaller budget: what was leased under the larger one and is not in use goes back, and is not used any more. */
  setBudget(amount: number): void {
    if (amount === this.budgetAmount) return;
    if (amount < this.budgetAmount) this.shrinkTo(0);
    this.budgetAmount = amount;
    this.shortUntil = 0;
  }

  /** The first look at the record: what this journal was granted before, and was forgotten here, was all used. */
  begin(slice: BudgetSlice | undefined): void {
    if (this.#isKnown) return;
    this.#isKnown = true;
    if (slice === undefined) return;
    this.granted = Math.max(slice.granted, slice.spent);
    this.used += this.granted;
    this.recorded = this.granted;
  }

  /** More was granted, and the record says so. */
  grow(granted: number): void {
    this.granted = Math.max(this.granted, granted);
    this.recorded = this.granted;
  }

  /** Keeps so much free at most. */
  shrinkTo(free: number): void {
    if (this.free > free) this.granted = this.used + free;
  }

  take(amount: number): void {
    this.used += amount;
    this.open += 1;
    this.#reserved += amount;
    this.#peak = Math.max(this.#peak, this.#reserved);
  }

  settle(amount: number, actual: number): void {
    this.used += actual - amount;
    this.open -= 1;
    this.#reserved -= amount;
  }

  /** What is worth keeping free for the next second; near the end only what is spare. */
  worthKeeping(): number {
    const wanted = Math.max(0, this.#peak - this.#reserved);
    this.#peak = this.#reserved;
    return this.uncommitted > this.budgetAmount / 4 ? Math.max(this.spare, Math.min(wanted, Math.floor(this.uncommitted / 32))) : this.spare;
  }

  get leastWaiting(): number {
    return this.waiting.reduce((least, { amount }) => Math.min(least, amount), Infinity);
  }

  /** What those who wait need together. */
  get needed(): number {
    return this.waiting.reduce((sum, { amount }) => sum + amount, 0);
  }

  /** After more was asked for the first of those who wait: those that fit go on, in their order; the others hear what is left. Tells whether there were such. */
  admitWaiting(count: number, short: (left: number) => unknown): boolean {
    let isShort = false;
    for (const { amount, resolve, reject } of this.waiting.splice(0, count)) {
      if (this.free >= amount) {
        this.take(amount);
        resolve();
        continue;
      }
      isShort = true;
      this.shortLeft = Math.max(0, this.free, this.grantable - this.used);
      reject(short(this.shortLeft));
    }
    return isShort;
  }

  refuseWaiting(error: unknown): void {
    for (const { reject } of this.waiting.splice(0)) reject(error);
  }
}
