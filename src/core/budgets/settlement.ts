import type { Clock } from '../../ports/clock.ts';
import type { Log } from '../../ports/log.ts';
import type { BudgetAccountRepository } from '../../ports/metadata/budgets.ts';
import type { Metrics } from '../../ports/metrics.ts';
import type { UsageEvent } from '../../ports/usage.ts';
import { emptyAccount, withAlerts, withoutJournal, withSpent } from './account.ts';
import { changeAccount } from './change-account.ts';

const PAGE = 200;

export interface BudgetSettlementDependencies {
  readonly accounts: BudgetAccountRepository;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Pick<Metrics, 'budgetAlert'>;
}

/** Brings what was used into the budgets' records, with the delivery of usage: each segment of a journal once, whoever delivers it and how often. */
export class BudgetSettlement {
  readonly #deps: BudgetSettlementDependencies;

  constructor(deps: BudgetSettlementDependencies) {
    this.#deps = deps;
  }

  /** One tenant's events of a segment. Segments of a journal come in their order. Rejects as the database does; the same is to be given again then. */
  async spend(tenant: string, journal: string, segment: number, events: readonly UsageEvent[]): Promise<void> {
    for (const [budget, ofBudget] of spentIn(events)) {
      for (const [period, { amount, of }] of ofBudget) await this.#spend({ tenant, budget, period }, { journal, segment, amount, of });
    }
  }

  /** A journal is over and all of it was given to `spend`: what its process had leased and not used goes back, or, where it could not be read to its end, counts as unaccounted. */
  async end(journal: string, isWhole: boolean): Promise<void> {
    const { accounts } = this.#deps;
    for (let after: string | undefined, isLast = false; !isLast; isLast = after === undefined) {
      const page = await accounts.outstanding({ limit: PAGE, after });
      for (const key of page.items) await changeAccount(accounts, key, (record) => (record === undefined ? undefined : withoutJournal(record, journal, isWhole)));
      after = page.next;
    }
  }

  async #spend(key: { readonly tenant: string; readonly budget: string; readonly period: string }, { journal, segment, amount, of }: { readonly journal: string; readonly segment: number; readonly amount: number; readonly of: number }): Promise<void> {
    const { accounts, clock, log, metrics } = this.#deps;
    let raised: readonly number[] = [];
    const isChanged = await changeAccount(accounts, key, (record = emptyAccount) => {
      const spent = withSpent(record, journal, segment, amount, clock.now());
      if (spent === undefined) return undefined;
      const alerted = withAlerts(spent, of, clock.now());
      ({ raised } = alerted);
      return alerted.record;
    });
    if (!isChanged) return;
    for (const percent of raised) {
      log.warn('budget_alert', `${percent} % of a budget is used`, { tenant: key.tenant, name: `${key.budget} ${key.period}`, count: percent });
      metrics.budgetAlert({ percent });
    }
  }
}

/** By budget and period, in the order in which they first stand there. `of`: the budget's amount, as the last share has it. */
function spentIn(events: readonly UsageEvent[]): ReadonlyMap<string, ReadonlyMap<string, { readonly amount: number; readonly of: number }>> {
  const spent = new Map<string, Map<string, { amount: number; of: number }>>();
  for (const { shares } of events) {
    if (shares === undefined) continue;
    for (const { budget, period, amount, of } of shares) {
      const ofBudget = spent.get(budget) ?? new Map<string, { amount: number; of: number }>();
      spent.set(budget, ofBudget);
      const sum = ofBudget.get(period);
      if (sum === undefined) ofBudget.set(period, { amount, of });
      else {
        sum.amount += amount;
        sum.of = of;
      }
    }
  }
  return spent;
}
