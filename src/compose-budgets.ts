import { systemClock } from './adapters/clock/system-clock.ts';
import { BudgetGate } from './core/budgets/budget-gate.ts';
import { BudgetService } from './core/budgets/budget-service.ts';
import { Escrow } from './core/budgets/escrow.ts';
import { LostLeases } from './core/budgets/lost-leases.ts';
import { TenantBudgets } from './core/budgets/tenant-budgets.ts';
import type { Sources } from './core/outages/sources.ts';
import type { PriceList } from './core/prices/price-list.ts';
import type { Policies } from './core/tenants/policies.ts';
import { Repeated } from './jobs/repeated.ts';
import type { Bus } from './ports/bus.ts';
import type { MetadataStore } from './ports/metadata-store.ts';
import type { Metrics } from './ports/metrics.ts';
import type { UsageJournal } from './ports/usage-journal.ts';

const TEND_MS = 1_000;

export interface BudgetsOptions {
  readonly metadata: Pick<MetadataStore, 'tenantBudgets' | 'budgetAccounts' | 'gatewayKeys'>;
  readonly policies: Policies;
  readonly journal: UsageJournal;
  readonly priceList: Pick<PriceList, 'model'>;
  /** Brings what was used into the records. */
  readonly deliver: () => Promise<void>;
  readonly bus: Bus;
  readonly metrics: Metrics;
  readonly sources: Sources;
}

export interface OpenBudgets {
  readonly gate: BudgetGate;
  readonly service: BudgetService;
  readonly lostLeases: LostLeases;
  /** From here on what is not needed is given back each second. */
  start(): void;
  /** Gives everything back. To be called when nothing is under way any more, and before the journal is closed. */
  close(): Promise<void>;
}

/** What this process holds of budgets, and what asks it. */
export function openBudgets({ metadata, policies, journal, priceList, deliver, bus, metrics, sources }: BudgetsOptions): OpenBudgets {
  const clock = systemClock;
  const escrow = new Escrow({ accounts: metadata.budgetAccounts, journal, clock });
  const tending = new Repeated({ everyMs: TEND_MS, work: () => escrow.tend() });
  return {
    gate: new BudgetGate({
      tenantBudgets: new TenantBudgets({ tenantBudgets: metadata.tenantBudgets, bus, clock, metrics, sources }),
      policies,
      escrow,
      journal,
      listedName: (service, model) => priceList.model(service, model)?.listed.id,
      clock,
    }),
    service: new BudgetService({ tenantBudgets: metadata.tenantBudgets, accounts: metadata.budgetAccounts, gatewayKeys: metadata.gatewayKeys, policies, delivery: { deliver }, bus, clock }),
    lostLeases: new LostLeases({ accounts: metadata.budgetAccounts, clock }),
    start: () => tending.start(),
    close: async () => {
      await tending.stop();
      await escrow.giveAllBack();
    },
  };
}
