import type { Clock } from '../../ports/clock.ts';
import { asKeyholdError, KeyholdError } from '../../ports/errors.ts';
import type { BudgetAccountKey, BudgetAccountRepository } from '../../ports/metadata/budgets.ts';
import type { Soon } from '../../ports/soon.ts';
import type { UsageJournal } from '../../ports/usage-journal.ts';
import { JoinedKeys } from '../caching/joined-keys.ts';
import { committedOf, emptyAccount, grantableTo, outstandingIn, sliceOf, withGranted } from './account.ts';
import { changeAccount } from './change-account.ts';
import { LocalAccount } from './local-account.ts';
import { spareOf } from './spare.ts';

/** After a refusal the same question is answered from memory for so long. */
const SHORT_MS = 250;
/** A slice that nobody has used for so long goes back. */
const IDLE_MS = 2_000;
/** Nothing is remembered of an account that was not used for so long. */
const FORGET_MS = 60_000;
const REFILL_PAUSE_MS = 1_000;

/** A request does not fit: this is what is left of the budget for a request of this process. */
export class BudgetShort extends Error {
  readonly left: number;

  constructor(left: number) {
    super('the budget has less left');
    this.left = left;
  }
}

/** Where an account's share is taken from and settled again. */
export interface Taken {
  readonly account: LocalAccount;
  readonly amount: number;
}

export interface EscrowDependencies {
  readonly accounts: BudgetAccountRepository;
  /** What is taken is written into it; whoever takes the journal over settles what is left. */
  readonly journal: Pick<UsageJournal, 'name' | 'hold' | 'release'>;
  readonly clock: Clock;
}

/**
 * The hard budgets of which this process holds a slice (DESIGN «Budgets»). A slice is leased with one conditional write on its account's record, and then
 * spent without one. What the process holds itself only ever grows by a write of its own that is known to stand, and shrinks before one that says so.
 */
export class Escrow {
  readonly #deps: EscrowDependencies;
  readonly #accounts = new Map<string, LocalAccount>();
  readonly #budgets = new JoinedKeys((tenant, budget) => `${tenant} ${budget}`);
  readonly #names = new JoinedKeys((budget, period) => `${budget} ${period}`);
  #journal = '';
  #isHeld = false;
  #holding: Promise<void> = Promise.resolve();

  constructor(deps: EscrowDependencies) {
    this.#deps = deps;
  }

  /**
   * Takes so much, for a start that is written into the journal in the same turn. Without a promise while the slice holds. Throws, or rejects with,
   * `BudgetShort` where it does not fit, and `unavailable` where the database cannot tell.
   */
  take(key: BudgetAccountKey, budgetAmount: number, amount: number): Soon<Taken> {
    const account = this.#accountOf(key, budgetAmount);
    const now = this.#deps.clock.monotonic();
    account.usedAt = now;
    if (account.free >= amount && account.waiting.length === 0) {
      account.take(amount);
      if (account.free < account.spare / 2 && now >= account.refillAt) this.#refill(account);
      return { account, amount };
    }
    if (amount > account.shortLeft && now < account.shortUntil) throw new BudgetShort(account.shortLeft);
    return new Promise<Taken>((resolve, reject) => {
      account.waiting.push({ amount, resolve: () => resolve({ account, amount }), reject });
      this.#serve(account);
    });
  }

  /** What was taken has come to so much, and the journal has it. */
  settle({ account, amount }: Taken, actual: number): void {
    account.settle(amount, actual);
  }

  /** To be called each second: gives back what is not needed. Never rejects; what cannot be written now is written later. */
  tend(): Promise<void> {
    return this.#tend(false);
  }

  /** At the end: what cannot be given back now is found by the mark that the journal keeps. Never rejects. */
  giveAllBack(): Promise<void> {
    return this.#tend(true);
  }

  async #tend(isAll: boolean): Promise<void> {
    const now = this.#deps.clock.monotonic();
    for (const [name, account] of this.#accounts) {
      if (account.isBusy) continue;
      const isIdle = isAll || now - account.usedAt >= IDLE_MS;
      account.shrinkTo(isIdle ? 0 : account.worthKeeping());
      if (account.recorded > account.granted) await this.#alone(account, () => this.#giveBack(account)).catch(() => undefined);
      if (account.open === 0 && account.recorded === account.granted && now - account.usedAt >= FORGET_MS) this.#accounts.delete(name);
    }
    if (this.#isHeld && [...this.#accounts.values()].every((account) => account.holdsNothing)) await this.#release();
  }

  #accountOf(key: BudgetAccountKey, budgetAmount: number): LocalAccount {
    // Whoever took the journal over settles all that was held under its name.
    if (this.#journal !== this.#deps.journal.name) {
      this.#accounts.clear();
      this.#isHeld = false;
      this.#journal = this.#deps.journal.name;
    }
    const name = this.#nameOf(key);
    let account = this.#accounts.get(name);
    if (account === undefined) {
      account = new LocalAccount(key, this.#journal, budgetAmount);
      this.#accounts.set(name, account);
    }
    account.setBudget(budgetAmount);
    return account;
  }

  #nameOf({ tenant, budget, period }: BudgetAccountKey): string {
    return this.#names.of(this.#budgets.of(tenant, budget), period);
  }

  #refill(account: LocalAccount): void {
    if (account.isBusy) return;
    this.#alone(account, () => this.#grow(account, 0)).catch(() => {
      account.refillAt = this.#deps.clock.monotonic() + REFILL_PAUSE_MS;
    });
  }

  /** Leases for those who wait. */
  #serve(account: LocalAccount): void {
    if (account.isBusy || account.waiting.length === 0) return;
    void this.#alone(account, async () => {
      try {
        while (account.waiting.length > 0) {
          const those = account.waiting.length;
          await this.#grow(account, account.needed);
          if (account.admitWaiting(those, (left) => new BudgetShort(left))) account.shortUntil = this.#deps.clock.monotonic() + SHORT_MS;
        }
      } catch (error) {
        account.refuseWaiting(error);
      }
    });
  }

  /** Who came to wait meanwhile is served afterwards. */
  async #alone(account: LocalAccount, work: () => Promise<void>): Promise<void> {
    try {
      await account.alone(work);
    } finally {
      this.#serve(account);
    }
  }

  /** Leases what is needed beyond what is used, and a bit more; less where there is not so much. */
  async #grow(account: LocalAccount, needed: number): Promise<void> {
    const { accounts, clock, journal } = this.#deps;
    await this.#hold();
    let granted = 0;
    let budgetAmount = 0;
    const isChanged = await changeAccount(accounts, account.key, (record = emptyAccount) => {
      if (account.journal !== journal.name || record.closed.includes(account.journal)) throw takenOver();
      account.begin(sliceOf(record, account.journal));
      ({ budgetAmount } = account);
      account.grantable = grantableTo(record, account.journal, budgetAmount);
      account.uncommitted = budgetAmount - committedOf(record);
      account.spare = spareOf(budgetAmount, account.uncommitted);
      granted = Math.min(account.used + needed + account.spare, account.grantable);
      // What does not even do for one is left to others.
      if (granted <= account.granted || (needed > 0 && granted - account.used < account.leastWaiting)) return undefined;
      account.recorded = Math.max(account.recorded, granted);
      return withGranted(record, account.journal, granted, clock.now());
    });
    // A smaller budget was set meanwhile: what was leased under the larger one is not used.
    if (account.budgetAmount < budgetAmount) await this.#grow(account, needed);
    else if (isChanged) account.grow(granted);
  }

  /** Writes down that this process keeps less. */
  async #giveBack(account: LocalAccount): Promise<void> {
    const target = account.granted;
    await changeAccount(this.#deps.accounts, account.key, (record) => {
      const slice = record === undefined ? undefined : sliceOf(record, account.journal);
      if (record === undefined || slice === undefined || outstandingIn(slice) === 0 || slice.granted <= target) return undefined;
      return withGranted(record, account.journal, target, this.#deps.clock.now());
    });
    account.recorded = target;
  }

  /** The journal leaves a mark that its successor finds, before anything is leased under its name. */
  #hold(): Promise<void> {
    if (this.#isHeld) return Promise.resolve();
    this.#holding = this.#holdAfter(this.#holding);
    return this.#holding;
  }

  async #holdAfter(before: Promise<void>): Promise<void> {
    await before.catch(() => undefined);
    if (this.#isHeld) return;
    const { journal } = this.#deps;
    const { name } = journal;
    await journal.hold();
    if (journal.name !== name) throw takenOver();
    this.#isHeld = true;
  }

  async #release(): Promise<void> {
    this.#isHeld = false;
    this.#holding = this.#holding.catch(() => undefined).then(() => this.#deps.journal.release());
    await this.#holding.catch(() => undefined);
  }
}

function takenOver(): KeyholdError {
  return new KeyholdError('unavailable', 'This replica stood still for a while and begins anew. Send the request again.', { retryAfterSeconds: 1 });
}

/** What the caller of a request hears when the database cannot tell whether it fits. */
export function undecided(cause: unknown): KeyholdError {
  const { code } = asKeyholdError(cause);
  if (code === 'unavailable') return new KeyholdError('unavailable', 'Whether the request fits its budget cannot be looked up now, so it was not sent on. Try again in a moment.', { retryAfterSeconds: 1, cause });
  return asKeyholdError(cause);
}
