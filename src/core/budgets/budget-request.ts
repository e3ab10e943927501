import { createHash } from 'node:crypto';
import { KeyholdError } from '../../ports/errors.ts';
import type { Budget, BudgetUnit } from '../../ports/metadata/budgets.ts';
import { budgetMoney, MAX_DOLLARS } from './amount.ts';

/** A budget as a caller sets it. */
export interface BudgetInput {
  readonly amount: { readonly money?: string | undefined; readonly currency?: string | undefined; readonly tokens?: number | undefined; readonly requests?: number | undefined };
  readonly per: Budget['per'];
  readonly hard: boolean;
  readonly models?: readonly string[] | null | undefined;
  readonly unbounded?: Budget['unbounded'] | undefined;
}

/** Every budget that holds for a request is in its journal entries and written to, so there are few. */
const MAX_BUDGETS = 8;
const MAX_MODELS = 20;
const MODEL_GLOB = /^[\x21-\x7e]{1,200}$/;
const OTHER_WILDCARDS = /[[\]{}\\]/;
/** Sums of several accounts stay exact, too. */
const MAX_COUNT = 1e15;

/** Whose budgets these are, the first part of their ids: `own` and `platform` of a tenant, or a gateway key's id. */
export type BudgetOwner = 'own' | 'platform' | (string & {});

/** The budgets that the input asks for. Throws `invalid_argument`. */
export function budgetsFrom(owner: BudgetOwner, inputs: readonly BudgetInput[], property: string): readonly Budget[] {
  if (inputs.length > MAX_BUDGETS) throw refused(property, `There are at most ${MAX_BUDGETS} budgets here.`);
  const budgets = inputs.map((input) => budgetFrom(owner, input, property));
  if (new Set(budgets.map(({ id }) => id)).size < budgets.length) {
    throw refused(property, 'Two budgets are for the same unit, period and models, and both hard or both soft. Send the smaller one.');
  }
  return budgets;
}

/** What the budget with this id counts. */
export function unitOf(id: string): BudgetUnit {
  const unit = id.split('.')[1];
  return unit === 'money' || unit === 'tokens' ? unit : 'requests';
}

function budgetFrom(owner: BudgetOwner, { amount, per, hard, models: given, unbounded = 'refuse' }: BudgetInput, property: string): Budget {
  const models = given === undefined || given === null ? null : checkedModels(given, property);
  const { unit, value } = valueOf(amount, property);
  // The same globs in another order are the same budget.
  const group = models === null ? [] : [createHash('sha256').update(JSON.stringify(models.toSorted())).digest('hex').slice(0, 8)];
  return { id: [owner, unit, per, hard ? 'hard' : 'soft', ...group].join('.'), unit, amount: value, per, hard, models, unbounded };
}

function valueOf({ money, currency = 'USD', tokens, requests }: BudgetInput['amount'], property: string): { readonly unit: BudgetUnit; readonly value: number } {
  const given = [money, tokens, requests].filter((value) => value !== undefined);
  if (given.length !== 1) throw refused(property, 'The amount of a budget is one of {"money": "12.50"}, {"tokens": 1000000} and {"requests": 1000}.');
  if (money !== undefined) {
    if (currency !== 'USD') throw refused(property, 'Prices are in US dollars, so budgets are, too: send "USD" as the currency, or leave it out.');
    const value = budgetMoney(money);
    if (value === undefined) throw refused(property, `Money is a decimal number above 0 and below ${MAX_DOLLARS}, with up to 9 decimals, as a text: "12.50".`);
    return { unit: 'money', value };
  }
  const value = tokens ?? requests ?? 0;
  if (!Number.isSafeInteger(value) || value < 1 || value > MAX_COUNT) throw refused(property, `Tokens and requests are whole numbers from 1 to ${MAX_COUNT}.`);
  return { unit: tokens === undefined ? 'requests' : 'tokens', value };
}

function checkedModels(models: readonly string[], property: string): readonly string[] {
  if (models.length === 0 || models.length > MAX_MODELS) throw refused(property, `models has 1 to ${MAX_MODELS} names. Leave it out for a budget of everything.`);
  for (const glob of models) {
    if (MODEL_GLOB.test(glob) && !OTHER_WILDCARDS.test(glob)) continue;
    throw refused(property, 'A model of a budget is 1 to 200 printable ASCII characters; * and ? are the only wildcards.');
  }
  return [...models];
}

function refused(property: string, message: string): KeyholdError {
  return new KeyholdError('invalid_argument', message, { details: { property } });
}
