import { expect } from 'vitest';
import type { BudgetAccountKey } from '../../src/ports/metadata/budgets.ts';
import { budgetAccount } from './metadata-store-records.ts';
import { readAll, type Rule } from './metadata-store-rule.ts';

/** Accounts of budgets: those of which something is outstanding. */
export const budgetRules: readonly Rule[] = [
  {
    title: 'R5.4 accounts with something outstanding are listed by their keys, of all tenants, as long as there is something',
    check: async ({ store: { budgetAccounts } }) => {
      const key = (tenant: string, budget: string, period: string): BudgetAccountKey => ({ tenant, budget, period });
      const all = [key('acme', 'own.tokens.day.hard', '2026-11-28'), key('acme', 'own.tokens.day.hard', '2026-11-27'), key('acme', 'a.requests.total.hard', 'total'), key('b', 'own.tokens.day.hard', '2026-11-28')];
      for (const one of all) await budgetAccounts.create(one, budgetAccount({ granted: 10, spent: 4 }));
      await budgetAccounts.create(key('acme', 'spent', 'total'), budgetAccount({ granted: 10, spent: 10 }));
      await budgetAccounts.create(key('acme', 'overrun', 'total'), budgetAccount({ granted: 10, spent: 11 }));
      const sorted = [all[2], all[1], all[0], all[3]];
      for (const limit of [1, 3, 1000]) expect(await readAll((page) => budgetAccounts.outstanding(page), limit)).toEqual(sorted);
      await budgetAccounts.replace(key('acme', 'own.tokens.day.hard', '2026-11-27'), budgetAccount({ granted: 10, spent: 10 }), 1);
      await budgetAccounts.remove(key('b', 'own.tokens.day.hard', '2026-11-28'), 1);
      await budgetAccounts.replace(key('acme', 'spent', 'total'), budgetAccount({ granted: 12, spent: 10 }), 1);
      expect(await readAll((page) => budgetAccounts.outstanding(page), 2)).toEqual([all[2], all[0], key('acme', 'spent', 'total')]);
    },
  },
];
