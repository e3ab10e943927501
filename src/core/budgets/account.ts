import type { BudgetAccountRecord, BudgetSlice } from '../../ports/metadata/budgets.ts';

/** Journals that are over are remembered up to this number: a late repetition comes within minutes. */
const MAX_CLOSED = 64;
/** Slices with nothing outstanding are kept up to this number, for the segment that they have reached. */
const MAX_SETTLED = 64;

const ALERTS = [50, 80, 100] as const;

export const emptyAccount: BudgetAccountRecord = Object.freeze({ spent: 0, unaccounted: 0, slices: [], closed: [], alerts: [] });

const emptySlice: Omit<BudgetSlice, 'journal' | 'writtenAt'> = { granted: 0, spent: 0, segment: 0 };

/** Beyond this nothing is heard of who leased it: a living replica gives back within seconds what it does not use. */
const SILENT_MS = 3_600_000;

export function isSilent({ writtenAt }: Pick<BudgetSlice, 'writtenAt'>, now: number): boolean {
  return now - writtenAt > SILENT_MS;
}

/** What of a slice may still be spent. Events that came to more than was granted are in `spent` alone. */
export function outstandingIn({ granted, spent }: Pick<BudgetSlice, 'granted' | 'spent'>): number {
  return Math.max(0, granted - spent);
}

/** What of the account may still be spent by those who have leased it. */
export function outstandingOf({ slices }: BudgetAccountRecord): number {
  return slices.reduce((sum, slice) => sum + outstandingIn(slice), 0);
}

/** What is no longer there for others: spent, unaccounted or leased. */
export function committedOf(record: BudgetAccountRecord): number {
  return record.spent + record.unaccounted + outstandingOf(record);
}

export function sliceOf({ slices }: BudgetAccountRecord, journal: string): BudgetSlice | undefined {
  return slices.find((slice) => slice.journal === journal);
}

/** How much may be granted to this journal altogether, so that nothing beyond `amount` is committed. */
export function grantableTo(record: BudgetAccountRecord, journal: string, amount: number): number {
  const own = sliceOf(record, journal) ?? { ...emptySlice };
  return amount - (committedOf(record) - outstandingIn(own)) + own.spent;
}

/** The account with so much granted to the journal altogether. */
export function withGranted(record: BudgetAccountRecord, journal: string, granted: number, now: number): BudgetAccountRecord {
  return withSlice(record, { ...(sliceOf(record, journal) ?? { ...emptySlice, journal }), granted, writtenAt: now });
}

/** The account with a segment's sum in it; undefined where it is in it already. */
export function withSpent(record: BudgetAccountRecord, journal: string, segment: number, amount: number, now: number): BudgetAccountRecord | undefined {
  const slice = sliceOf(record, journal) ?? { ...emptySlice, journal };
  if (record.closed.includes(journal) || slice.segment >= segment) return undefined;
  return { ...withSlice(record, { ...slice, spent: slice.spent + amount, segment, writtenAt: now }), spent: record.spent + amount };
}

/** The account with all of a journal settled; undefined where there is nothing of it. What a journal leaves that could not be read to its end counts as unaccounted. */
export function withoutJournal(record: BudgetAccountRecord, journal: string, isWhole: boolean): BudgetAccountRecord | undefined {
  const slice = sliceOf(record, journal);
  if (slice === undefined) return undefined;
  return {
    ...record,
    unaccounted: record.unaccounted + (isWhole ? 0 : outstandingIn(slice)),
    slices: record.slices.filter((other) => other !== slice),
    closed: [...record.closed, journal].slice(-MAX_CLOSED),
  };
}

/** The account with the alerts that are due and were not raised before, and these. */
export function withAlerts(record: BudgetAccountRecord, amount: number, now: number): { readonly record: BudgetAccountRecord; readonly raised: readonly number[] } {
  const used = record.spent + record.unaccounted;
  const raised = ALERTS.filter((percent) => used * 100 >= amount * percent && used > 0 && !record.alerts.some((alert) => alert.percent === percent));
  if (raised.length === 0) return { record, raised };
  return { record: { ...record, alerts: [...record.alerts, ...raised.map((percent) => ({ percent, at: now }))] }, raised };
}

function withSlice(record: BudgetAccountRecord, slice: BudgetSlice): BudgetAccountRecord {
  const others = record.slices.filter(({ journal }) => journal !== slice.journal);
  const settled = others.filter((other) => outstandingIn(other) === 0).toSorted((a, b) => b.writtenAt - a.writtenAt);
  const dropped = new Set(settled.slice(MAX_SETTLED).map(({ journal }) => journal));
  return { ...record, slices: [...others.filter(({ journal }) => !dropped.has(journal)), slice] };
}
