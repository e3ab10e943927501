import { KeyholdError } from '../../ports/errors.ts';
import type { BudgetAccountKey, BudgetAccountRecord, BudgetAccountRepository } from '../../ports/metadata/budgets.ts';

/** Every replica that uses a budget writes to its one record. */
const ATTEMPTS = 50;

/**
 * Changes one account by compare-and-set: `change` gets the record, or undefined where there is none yet, and gives the next one, or undefined to leave it. Tells whether
 * it was changed. When it rejects, nobody knows. `unavailable` when too many others write at the same time.
 */
export async function changeAccount(accounts: BudgetAccountRepository, key: BudgetAccountKey, change: (record: BudgetAccountRecord | undefined) => BudgetAccountRecord | undefined): Promise<boolean> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const stored = await accounts.get(key);
    const next = change(stored?.record);
    if (next === undefined) return false;
    try {
      if (stored === undefined) await accounts.create(key, next);
      else await accounts.replace(key, next, stored.revision);
      return true;
    } catch (error) {
      if (!(error instanceof KeyholdError && (error.code === 'conflict' || error.code === 'already_exists'))) throw error;
    }
  }
  throw new KeyholdError('unavailable', 'The budget is being changed by many at the same time. Send the request again.', { retryAfterSeconds: 1 });
}
