import { describe, expect, it } from 'vitest';
import { budgetAmount } from './amount.ts';
import { type BudgetInput, budgetsFrom } from './budget-request.ts';

const tokens: BudgetInput = { amount: { tokens: 1_000 }, per: 'day', hard: true };

describe('budgets as they are set (R0.2, R5.4)', () => {
  it('keep what was spent when the amount changes, whatever the order of models', () => {
    const [one] = budgetsFrom('own', [{ ...tokens, models: ['gpt-4o', 'o3*'] }], 'budgets');
    const [other] = budgetsFrom('own', [{ ...tokens, amount: { tokens: 5 }, models: ['o3*', 'gpt-4o'], unbounded: 'allow' }], 'budgets');
    expect(one).toMatchObject({ unit: 'tokens', amount: 1_000, per: 'day', hard: true, models: ['gpt-4o', 'o3*'], unbounded: 'refuse' });
    expect(other?.id).toBe(one?.id);
    const ids = [...budgetsFrom('own', [tokens, { ...tokens, hard: false }, { ...tokens, per: 'week' }, { ...tokens, amount: { requests: 5 } }], 'budgets'), ...budgetsFrom('platform', [tokens], 'budgets')].map(({ id }) => id);
    expect(new Set(ids).size).toBe(5);
  });

  it('hold money in whole nano-dollars, and show it as a decimal text', () => {
    const [budget] = budgetsFrom('own', [{ amount: { money: '12.50' }, per: 'month', hard: true }], 'budgets');
    expect(budget).toMatchObject({ unit: 'money', amount: 12_500_000_000 });
    expect([budgetAmount('money', 12_500_000_000), budgetAmount('money', -1), budgetAmount('tokens', -5)]).toEqual([{ money: '12.5', currency: 'USD' }, { money: '-0.000000001', currency: 'USD' }, { tokens: -5 }]);
  });

  it.each<[string, BudgetInput[]]>([
    ['no amount', [{ ...tokens, amount: {} }]],
    ['two amounts', [{ ...tokens, amount: { tokens: 1, requests: 1 } }]],
    ['nothing at all', [{ ...tokens, amount: { tokens: 0 } }]],
    ['half a token', [{ ...tokens, amount: { tokens: 1.5 } }]],
    ['more than can be counted', [{ ...tokens, amount: { tokens: 1e16 } }]],
    ['money that is no decimal', [{ ...tokens, amount: { money: '1e3' } }]],
    ['no money', [{ ...tokens, amount: { money: '0.00' } }]],
    ['too much money', [{ ...tokens, amount: { money: '9000000' } }]],
    ['other money', [{ ...tokens, amount: { money: '1', currency: 'EUR' } }]],
    ['no models', [{ ...tokens, models: [] }]],
    ['an odd glob', [{ ...tokens, models: ['gpt-[45]'] }]],
    ['the same twice', [tokens, { ...tokens, amount: { tokens: 5 } }]],
    ['too many', Array.from({ length: 9 }, (_, index) => ({ ...tokens, models: [`m${index}`] }))],
  ])('refuse %s', (_, inputs) => {
    expect(() => budgetsFrom('own', inputs, 'budgets')).toThrow(expect.objectContaining({ code: 'invalid_argument', details: { property: 'budgets' } }));
  });
});
