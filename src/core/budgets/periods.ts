import type { BudgetPeriod } from '../../ports/metadata/budgets.ts';

/** A period of a budget, as one time zone has it. Times are milliseconds since the epoch. */
export interface Period {
  /** What its account is found by. */
  readonly name: string;
  readonly from: number;
  /** null: it does not end. */
  readonly until: number | null;
}

const total: Period = { name: 'total', from: 0, until: null };
const MAX_KNOWN = 1_000;

/** Whether there is such a time zone, by the names of the IANA. */
export function isTimeZone(name: string): boolean {
  try {
    // Plain offsets are no time zones: they have no summer.
    return /^[A-Za-z][\w+/-]{0,63}$/.test(name) && Temporal.Now.zonedDateTimeISO(name).timeZoneId !== '';
  } catch {
    return false;
  }
}

/** The period that a time lies in. Days begin when the zone's calendar says so, which is not always at midnight, and are 23 to 25 hours long. */
export function periodAt(per: BudgetPeriod, timeZone: string, now: number): Period {
  if (per === 'total') return total;
  const date = Temporal.Instant.fromEpochMilliseconds(now).toZonedDateTimeISO(timeZone).toPlainDate();
  const start = startOf(per, date);
  const end = start.add(lengths[per]);
  return { name: names[per](start), from: instantOf(start, timeZone), until: instantOf(end, timeZone) };
}

/** The same without looking at a calendar each time. */
export class Periods {
  readonly #known = new Map<string, Period>();

  at(per: BudgetPeriod, timeZone: string, now: number): Period {
    if (per === 'total') return total;
    const key = `${per} ${timeZone}`;
    const known = this.#known.get(key);
    if (known !== undefined && now >= known.from && (known.until === null || now < known.until)) return known;
    if (this.#known.size >= MAX_KNOWN) this.#known.clear();
    const period = periodAt(per, timeZone, now);
    this.#known.set(key, period);
    return period;
  }
}

const lengths = { day: { days: 1 }, week: { weeks: 1 }, month: { months: 1 } } as const;

const names: Readonly<Record<Exclude<BudgetPeriod, 'total'>, (start: Temporal.PlainDate) => string>> = {
  day: (start) => start.toString(),
  // ISO 8601: a week belongs to the year that has most of it.
  week: (start) => `${start.yearOfWeek ?? start.year}-W${String(start.weekOfYear ?? 0).padStart(2, '0')}`,
  month: (start) => start.toPlainYearMonth().toString(),
};

function startOf(per: Exclude<BudgetPeriod, 'total'>, date: Temporal.PlainDate): Temporal.PlainDate {
  if (per === 'day') return date;
  return per === 'week' ? date.subtract({ days: date.dayOfWeek - 1 }) : date.with({ day: 1 });
}

function instantOf(date: Temporal.PlainDate, timeZone: string): number {
  return date.toZonedDateTime(timeZone).epochMilliseconds;
}
