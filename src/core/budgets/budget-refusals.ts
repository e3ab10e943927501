import { KeyholdError } from '../../ports/errors.ts';
import type { Budget } from '../../ports/metadata/budgets.ts';
import { amountText, budgetAmount } from './amount.ts';
import type { Period } from './periods.ts';

/** R0.3 `budget_exceeded`: what is left, of which budget, and when it renews. */
export function exceeded(budget: Budget, { name, until }: Period, { left, needed }: { readonly left: number; readonly needed: number }): KeyholdError {
  const { id, unit, amount } = budget;
  const renewsAt = until === null ? null : new Date(until).toISOString();
  const renewal = renewsAt === null ? 'It does not renew.' : `It renews at ${renewsAt}.`;
  return new KeyholdError(
    'budget_exceeded',
    `${titleOf(budget)} has ${amountText(unit, left)} left of ${amountText(unit, amount)}, and this request could use up to ${amountText(unit, needed)}. ${renewal} ${remedyOf(budget)}`,
    { details: { budget: id, period: name, amount: budgetAmount(unit, amount), left: budgetAmount(unit, left), needed: budgetAmount(unit, needed), renewsAt } },
  );
}

/** A hard budget cannot hold a request of which nobody knows what it may come to. */
export function unboundedRequest(budget: Budget, part: 'input' | 'output' | 'price'): KeyholdError {
  const why = {
    output: 'nothing in this request says how long its answer may get: send max_tokens, max_completion_tokens or max_output_tokens, whichever the provider takes here, and n or best_of where there is one, as numbers above 0. Where it takes none of them, choose a model of OpenAI, Anthropic, Google or DeepSeek, whose longest answer is known.',
    price: 'the price of this request\'s model is not known: choose another model, or ask the operator of Keyhold for its price.',
    input: 'this request makes the provider read more than can be counted before (addresses, files and earlier answers that are kept elsewhere, tools of the provider\'s own; documents and sound, and pictures for a model whose tokens for them are not known): send text in the request itself.',
  };
  return new KeyholdError('invalid_argument', `${titleOf(budget)} is a hard one, and ${why[part]} Whoever set the budget can let such requests through with "unbounded": "allow".`, {
    details: { budget: budget.id },
  });
}

/** Set by the platform, and not the tenant's to get around. */
export function isOfPlatform({ id }: Budget): boolean {
  return id.startsWith('platform.');
}

function titleOf({ id, unit, per, models }: Budget): string {
  const whose = id.startsWith('own.') ? 'The tenant\'s budget' : id.startsWith('platform.') ? 'The platform\'s budget for this tenant' : 'The budget of this gateway key';
  const what = unit === 'money' ? 'of money' : `of ${unit}`;
  return `${whose} ${what}${per === 'total' ? '' : ` for the ${per}`}${models === null ? '' : ` on ${models.join(', ')}`}`;
}

function remedyOf({ id, unit }: Budget): string {
  const smaller = unit === 'requests' ? '' : 'Send a smaller request (max_tokens counts in full), or ask ';
  return `${smaller === '' ? 'Ask ' : smaller}${id.startsWith('platform.') ? 'the operator of Keyhold' : 'a tenant administrator'} for more.`;
}
