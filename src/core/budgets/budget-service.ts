import type { Bus } from '../../ports/bus.ts';
import type { Clock } from '../../ports/clock.ts';
import { asKeyholdError, KeyholdError } from '../../ports/errors.ts';
import type { GatewayKeyRepository } from '../../ports/metadata/access.ts';
import type { Budget, BudgetAccountRepository, TenantBudgetsRecord, TenantBudgetsRepository } from '../../ports/metadata/budgets.ts';
import type { Grant } from '../access/grant.ts';
import type { Resource } from '../access/resource.ts';
import type { Policies } from '../tenants/policies.ts';
import { etagOf, type IfMatch, requireMatch } from '../versions/etag.ts';
import { type BudgetInput, budgetsFrom } from './budget-request.ts';
import { type BudgetView, budgetView } from './budget-view.ts';
import { periodAt } from './periods.ts';
import { noBudgets } from './tenant-budgets.ts';

export interface BudgetServiceDependencies {
  readonly tenantBudgets: TenantBudgetsRepository;
  readonly accounts: BudgetAccountRepository;
  readonly gatewayKeys: GatewayKeyRepository;
  readonly policies: Pick<Policies, 'policyOf'>;
  /** Brings what was used so far into the records. */
  readonly delivery: { deliver(): Promise<void> };
  readonly bus: Bus;
  readonly clock: Clock;
}

/** One layer of a tenant's budgets. */
export interface LayerView {
  readonly timeZone: string;
  readonly budgets: readonly BudgetView[];
  readonly etag: string;
}

/** What a tenant sees: its own, and those that the platform has set for it. */
export interface TenantBudgetsView extends LayerView {
  readonly platformBudgets: readonly BudgetView[];
}

const ATTEMPTS = 10;

/** The budgets of tenants in both layers, and where they stand; and those of gateway keys (R0.2, R5.4). */
export class BudgetService {
  readonly #deps: BudgetServiceDependencies;

  constructor(deps: BudgetServiceDependencies) {
    this.#deps = deps;
  }

  async get(grant: Grant): Promise<TenantBudgetsView> {
    return this.#ownView(tenantOf(grant.use('budget.read')));
  }

  async getPlatform(grant: Grant): Promise<LayerView> {
    return this.#layerView(tenantOf(grant.use('platform-budget.read')), 'platform');
  }

  /** Replaces the tenant's own layer. Throws `invalid_argument`, and `precondition_failed` when `ifMatch` names another version. */
  async put(grant: Grant, inputs: readonly BudgetInput[], ifMatch?: IfMatch): Promise<TenantBudgetsView> {
    const tenant = tenantOf(grant.use('budget.put'));
    await this.#put(tenant, { own: budgetsFrom('own', inputs, 'budgets') }, ifMatch);
    return this.#ownView(tenant);
  }

  /** Replaces the platform's layer; otherwise as `put`. */
  async putPlatform(grant: Grant, inputs: readonly BudgetInput[], ifMatch?: IfMatch): Promise<LayerView> {
    const tenant = tenantOf(grant.use('platform-budget.put'));
    await this.#put(tenant, { platform: budgetsFrom('platform', inputs, 'budgets') }, ifMatch);
    return this.#layerView(tenant, 'platform');
  }

  /** Where a gateway key's own budgets stand. */
  async ofGatewayKey(grant: Grant): Promise<{ readonly timeZone: string; readonly budgets: readonly BudgetView[] }> {
    const resource = grant.use('gateway-key.read');
    const tenant = tenantOf(resource);
    const stored = await this.#deps.gatewayKeys.get({ id: resource.id ?? '' });
    if (stored === undefined || stored.record.tenant !== tenant) throw new KeyholdError('not_found', 'There is no such gateway key.');
    await this.#deps.delivery.deliver();
    const timeZone = await this.#timeZoneOf(tenant);
    return { timeZone, budgets: await this.#views(tenant, stored.record.budget ?? [], timeZone) };
  }

  async #put(tenant: string, layer: Partial<TenantBudgetsRecord>, ifMatch: IfMatch | undefined): Promise<void> {
    const { tenantBudgets, bus } = this.#deps;
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const before = await tenantBudgets.get({ tenant });
      requireMatch(ifMatch, etagOf(before?.revision ?? 0));
      const record: TenantBudgetsRecord = { ...(before?.record ?? noBudgets), ...layer };
      try {
        const after = before === undefined ? await tenantBudgets.create({ tenant }, record) : await tenantBudgets.replace({ tenant }, record, before.revision);
        await bus.publish({ topic: 'budgets', tenant, version: after.revision });
        return;
      } catch (error) {
        const { code } = asKeyholdError(error);
        if (code === 'conflict' || code === 'already_exists') continue;
        // The write may have happened although its answer was lost: nobody goes on with what was cached before.
        await bus.publish({ topic: 'budgets', tenant, version: before?.revision ?? 0 });
        throw error;
      }
    }
    throw new KeyholdError('conflict', 'The budgets are being changed by somebody else at the same time. Nothing was changed; send the request again.');
  }

  async #ownView(tenant: string): Promise<TenantBudgetsView> {
    const view = await this.#layerView(tenant, 'own');
    const platform = (await this.#deps.tenantBudgets.get({ tenant }))?.record.platform ?? [];
    return { ...view, platformBudgets: await this.#views(tenant, platform, view.timeZone) };
  }

  async #layerView(tenant: string, layer: keyof TenantBudgetsRecord): Promise<LayerView> {
    const { tenantBudgets, delivery } = this.#deps;
    await delivery.deliver();
    const stored = await tenantBudgets.get({ tenant });
    const timeZone = await this.#timeZoneOf(tenant);
    return { timeZone, budgets: await this.#views(tenant, stored?.record[layer] ?? [], timeZone), etag: etagOf(stored?.revision ?? 0) };
  }

  async #timeZoneOf(tenant: string): Promise<string> {
    return (await this.#deps.policies.policyOf(tenant)).timeZone ?? 'UTC';
  }

  async #views(tenant: string, budgets: readonly Budget[], timeZone: string): Promise<readonly BudgetView[]> {
    const { accounts, clock } = this.#deps;
    const now = clock.now();
    return Promise.all(
      budgets.map(async (budget) => {
        const period = periodAt(budget.per, timeZone, now);
        const stored = await accounts.get({ tenant, budget: budget.id, period: period.name });
        return budgetView(budget, period, stored?.record, now);
      }),
    );
  }
}

function tenantOf({ scope }: Resource): string {
  if (scope.kind !== 'tenant') throw new KeyholdError('not_found', 'Budgets are of tenants.');
  return scope.tenant;
}
