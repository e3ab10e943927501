import type { Clock } from '../../ports/clock.ts';
import type { KeyholdError } from '../../ports/errors.ts';
import type { GatewayKeyRecord } from '../../ports/metadata/access.ts';
import type { Budget } from '../../ports/metadata/budgets.ts';
import { after, type Soon } from '../../ports/soon.ts';
import type { UsageJournal } from '../../ports/usage-journal.ts';
import { matchesGlob } from '../access/glob.ts';
import { type Price, worstCase } from '../prices/price.ts';
import type { Policies } from '../tenants/policies.ts';
import { exceeded, isOfPlatform, unboundedRequest } from './budget-refusals.ts';
import { BudgetShort, type Escrow, type Taken, undecided } from './escrow.ts';
import { Periods } from './periods.ts';
import { type Reservation, Reserved } from './reserved.ts';
import type { TenantBudgets } from './tenant-budgets.ts';

/** What a request could come to at most; null: nothing bounds it. */
export interface RequestBounds {
  readonly inputTokens: number;
  /** More than what is sent may be read. */
  readonly inputIsOpen: boolean;
  readonly outputTokens: number | null;
}

export interface BudgetedRequest {
  readonly tenant: string;
  readonly gatewayKey: Pick<GatewayKeyRecord, 'budget'> | null;
  readonly service: string;
  /** All that the provider could run. */
  readonly models: readonly string[];
  /** What it is billed by; null: not known. */
  readonly price: Price | null;
  /** The price is the platform's to set; otherwise the tenant's policy says what it is. */
  readonly isListed: boolean;
  readonly bounds: () => RequestBounds;
}

export interface BudgetGateDependencies {
  readonly tenantBudgets: Pick<TenantBudgets, 'of'>;
  readonly policies: Pick<Policies, 'policyOf'>;
  readonly escrow: Escrow;
  readonly journal: Pick<UsageJournal, 'name'>;
  /** The name that providers' lists have for a model that a service may know by several. */
  readonly listedName: (service: string, model: string) => string | undefined;
  readonly clock: Clock;
}

const none: readonly Budget[] = [];

/** Whether a request fits the budgets that hold for it, before a provider is called (R5.4). */
export class BudgetGate {
  readonly #deps: BudgetGateDependencies;
  readonly #periods = new Periods();

  constructor(deps: BudgetGateDependencies) {
    this.#deps = deps;
  }

  /**
   * Reserves what the request could come to, in every budget or in none; null where there are no budgets. Without a promise where what this process holds is
   * enough. The start entry is to be written in the same turn, unless `isCurrent` is asked before. Throws, or rejects with, `budget_exceeded`,
   * `invalid_argument` for a request that nothing bounds, and `unavailable`.
   */
  reserve(request: BudgetedRequest): Soon<Reserved | null> {
    const ofKey = request.gatewayKey?.budget ?? none;
    const known = this.#deps.tenantBudgets.of(request.tenant);
    if (!(known instanceof Promise) && known.own.length + known.platform.length + ofKey.length === 0) return null;
    return after(known, ({ own, platform }) => {
      const budgets: Budget[] = [];
      for (const budget of own) if (this.#isFor(budget, request)) budgets.push(budget);
      for (const budget of platform) if (this.#isFor(budget, request)) budgets.push(budget);
      for (const budget of ofKey) if (this.#isFor(budget, request)) budgets.push(budget);
      if (budgets.length === 0) return null;
      return after(this.#deps.policies.policyOf(request.tenant), ({ timeZone = 'UTC' }) => this.#reserve(request, budgets, timeZone));
    });
  }

  /** Its models under any of their names, in any case: otherwise a budget would be got around by writing a model differently. */
  #isFor({ models: globs }: Budget, { service, models }: BudgetedRequest): boolean {
    if (globs === null) return true;
    return models.some((model) => {
      const names = [model, model.slice(model.lastIndexOf('/') + 1), this.#deps.listedName(service, model) ?? model].map((name) => name.toLowerCase());
      return globs.some((glob) => names.some((name) => matchesGlob(glob.toLowerCase(), name)));
    });
  }

  #reserve({ tenant, price, isListed, bounds }: BudgetedRequest, budgets: readonly Budget[], timeZone: string): Soon<Reserved> {
    const now = this.#deps.clock.now();
    const most = bounds();
    const reservations = budgets.map((budget): Reservation => {
      const amount = amountFor(budget, most, price, isListed);
      const period = this.#periods.at(budget.per, timeZone, now);
      return { budget, period, share: { budget: budget.id, period: period.name, amount, of: budget.amount }, taken: null };
    });
    return after(this.#take(tenant, reservations, 0), () => new Reserved(this.#deps.escrow, reservations, () => this.#deps.journal.name));
  }

  /** From the one with this number on. */
  #take(tenant: string, reservations: readonly Reservation[], from: number): Soon<void> {
    for (let index = from; index < reservations.length; index += 1) {
      const reservation = reservations[index];
      // Nothing need be held for a soft one.
      if (reservation?.budget.hard !== true) continue;
      const { budget, period, share } = reservation;
      let taken: Soon<Taken>;
      try {
        taken = this.#deps.escrow.take({ tenant, budget: budget.id, period: period.name }, budget.amount, share.amount);
      } catch (error) {
        throw this.#refused(reservation, error, reservations);
      }
      if (taken instanceof Promise) {
        return taken.then(
          (held) => {
            reservation.taken = held;
            return this.#take(tenant, reservations, index + 1);
          },
          (error: unknown) => Promise.reject(this.#refused(reservation, error, reservations)),
        );
      }
      reservation.taken = taken;
    }
  }

  /** What was reserved in others before is given back. */
  #refused({ budget, period, share }: Reservation, error: unknown, reservations: readonly Reservation[]): KeyholdError {
    for (const { taken } of reservations) if (taken !== null) this.#deps.escrow.settle(taken, 0);
    return error instanceof BudgetShort ? exceeded(budget, period, { left: error.left, needed: share.amount }) : undecided(error);
  }
}

/** The most that the request can come to; for one that nothing bounds what is known, where the budget allows it. */
function amountFor(budget: Budget, { inputTokens, inputIsOpen, outputTokens }: RequestBounds, price: Price | null, isListed: boolean): number {
  if (budget.unit === 'requests') return 1;
  const isStrict = budget.hard && budget.unbounded === 'refuse';
  if (budget.unit === 'money') {
    // What becomes of models without a price is the tenant's policy; that is no way around what the platform has set.
    if (!isListed && isStrict && isOfPlatform(budget)) throw unboundedRequest(budget, 'price');
    if (price === null) return 0;
  }
  if (isStrict && outputTokens === null) throw unboundedRequest(budget, 'output');
  if (isStrict && inputIsOpen) throw unboundedRequest(budget, 'input');
  return budget.unit === 'money' && price !== null ? worstCase(price, inputTokens, outputTokens ?? 0) : inputTokens + (outputTokens ?? 0);
}
