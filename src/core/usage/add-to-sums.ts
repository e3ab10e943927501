import { KeyholdError } from '../../ports/errors.ts';
import type { UsageBatch, UsageRepository, UsageRollupKey } from '../../ports/metadata/usage.ts';
import type { UsageEvent } from '../../ports/usage.ts';
import type { BudgetSettlement } from '../budgets/settlement.ts';
import { addEvents, hourOf } from './rollup.ts';

/** A roll-up is written by its journal's deliverer, and hardly ever by another; more conflicts than a lost answer explains are a fault. */
const MAX_CONFLICTS = 8;

export interface UsageSumsKept {
  readonly repository: Pick<UsageRepository, 'getRollup' | 'createRollup' | 'replaceRollup'>;
  readonly budgets: Pick<BudgetSettlement, 'spend'>;
}

/**
 * Adds a batch to what is summed up from batches: its hours' roll-ups, and budgets. Each remembers the last segment that it holds, so whoever adds a batch again, or at the
 * same time, adds nothing. A journal's batches of one tenant have to come in their order. Rejects as the database does; the same is to be given again then.
 */
export async function addToSums({ repository, budgets }: UsageSumsKept, { tenant, journal, segment, events }: UsageBatch): Promise<void> {
  for (const [hour, ofHour] of Map.groupBy(events, ({ time }) => hourOf(time))) {
    await rollUp(repository, { tenant, hour, journal }, segment, ofHour);
  }
  await budgets.spend(tenant, journal, segment, events);
}

/** Adds a segment's events of one hour, unless the roll-up has them. */
async function rollUp(repository: UsageSumsKept['repository'], key: UsageRollupKey, segment: number, events: readonly UsageEvent[]): Promise<void> {
  for (let conflicts = 0; ; conflicts += 1) {
    const stored = await repository.getRollup(key);
    if (stored !== undefined && stored.record.appliedSegment >= segment) return;
    const rollup = { appliedSegment: segment, rows: addEvents(stored?.record.rows ?? [], events) };
    try {
      if (stored === undefined) await repository.createRollup(key, rollup);
      else await repository.replaceRollup(key, rollup, stored.revision);
      return;
    } catch (error) {
      const changed = error instanceof KeyholdError && (error.code === 'conflict' || error.code === 'already_exists');
      if (!changed || conflicts >= MAX_CONFLICTS) throw error;
    }
  }
}
