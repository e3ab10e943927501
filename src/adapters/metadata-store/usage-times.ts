import type { UsageEvent } from '../../ports/usage.ts';

/** When a batch's earliest and latest event ended, by which a range finds it. A batch without events is in no range after the epoch. */
export function batchTimes(events: readonly UsageEvent[]): { readonly first: number; readonly last: number } {
  let first = Infinity;
  let last = -Infinity;
  for (const { time } of events) {
    first = Math.min(first, time);
    last = Math.max(last, time);
  }
  return events.length === 0 ? { first: 0, last: 0 } : { first, last };
}
