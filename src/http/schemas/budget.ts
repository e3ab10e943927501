import { type Static, Type } from 'typebox';
import { budgetAmount } from '../../core/budgets/amount.ts';
import type { LostLease } from '../../core/budgets/lost-leases.ts';
import type { LayerView, TenantBudgetsView } from '../../core/budgets/budget-service.ts';
import type { BudgetView } from '../../core/budgets/budget-view.ts';
import { entityTag } from '../../core/versions/etag.ts';
import type { Budget } from '../../ports/metadata/budgets.ts';
import { closed, etag, nullable, nullableText } from './fields.ts';

const per = Type.Enum(['day', 'week', 'month', 'total'], { description: 'days, weeks and months of the tenant\'s time zone, or once for all.' });
const unbounded = Type.Enum(['refuse', 'allow'], { description: 'what a hard budget does with a request that says nothing of how much it may use.' });
const hard = Type.Boolean({ description: 'whether requests that do not fit are refused; otherwise it only tells at 50, 80 and 100 %.' });
const models = nullable(Type.Array(Type.String({ maxLength: 200 }), { description: 'models that it is for, * and ? are wildcards; without it, everything.', maxItems: 20 }));

const amountProperties = {
  money: Type.Optional(Type.String({ description: 'a decimal number, for example "12.50".', maxLength: 20 })),
  currency: Type.Optional(Type.String({ description: 'USD, beside money.', maxLength: 3 })),
  tokens: Type.Optional(Type.Integer({ description: 'input and output together.' })),
  requests: Type.Optional(Type.Integer()),
};

const amount = Type.Object(amountProperties);

/** A list of budgets as a caller sets it. */
export const budgetInputs = Type.Array(
  Type.Object({ amount: Type.Object(amountProperties, { ...closed, description: 'one of money, tokens and requests.' }), per, hard, models: Type.Optional(models), unbounded: Type.Optional(unbounded) }, closed),
  { maxItems: 8 },
);

/** A budget as it was set, as `gateway-keys` shows it. */
export const budgetSchema = Type.Object({ id: Type.String(), amount, per, hard, models: nullable(Type.Array(Type.String())), unbounded });

const budgetState = Type.Object({
  ...budgetSchema.properties,
  period: Type.String({ description: 'the period that is under way: 2026-11-28, 2026-W48, 2026-11 or total.' }),
  renewsAt: nullableText,
  spent: amount,
  reserved: amount,
  unaccounted: amount,
  left: amount,
  alerts: Type.Array(Type.Object({ percent: Type.Integer(), at: Type.String() })),
});

const layer = { timeZone: Type.String(), budgets: Type.Array(budgetState) };

export const keyBudgetsSchema = Type.Object(layer);
export const platformBudgetsSchema = Type.Object({ ...layer, etag });
export const tenantBudgetsSchema = Type.Object({ ...layer, platformBudgets: Type.Array(budgetState), etag });

export const lostLeaseSchema = Type.Object({
  journal: Type.String({ description: 'what the replica leased it under; another at each of its starts.' }),
  tenant: Type.String(),
  budget: Type.String({ description: 'a budget\'s id.' }),
  period: Type.String(),
  reserved: amount,
  heardAt: Type.String({ description: 'when the replica wrote last to this budget.' }),
});

export const budgetsInput = Type.Object({ budgets: budgetInputs }, closed);

export function budgetBody({ id, unit, amount: value, per: period, hard: isHard, models: globs, unbounded: rule }: Budget): Static<typeof budgetSchema> {
  return { id, amount: budgetAmount(unit, value), per: period, hard: isHard, models: globs === null ? null : [...globs], unbounded: rule };
}

export function lostLeaseBody({ heardAt, reserved, ...lease }: LostLease): Static<typeof lostLeaseSchema> {
  return { ...lease, reserved: { ...reserved }, heardAt: new Date(heardAt).toISOString() };
}

export function budgetsBody(budgets: readonly BudgetView[]): Static<typeof budgetState>[] {
  return budgets.map((view) => ({ ...view, models: view.models === null ? null : [...view.models], alerts: view.alerts.map((alert) => ({ ...alert })) }));
}

export function platformBudgetsBody({ timeZone, budgets, etag: version }: LayerView): Static<typeof platformBudgetsSchema> {
  return { timeZone, budgets: budgetsBody(budgets), etag: entityTag(version) };
}

export function tenantBudgetsBody(view: TenantBudgetsView): Static<typeof tenantBudgetsSchema> {
  return { ...platformBudgetsBody(view), platformBudgets: budgetsBody(view.platformBudgets) };
}
