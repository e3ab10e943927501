import { KeyholdError } from '../ports/errors.ts';

/** RFC 3339, section 5.6: a date and a time with `Z` or an offset. Also the pattern in the API description. */
export const INSTANT_PATTERN = String.raw`^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})$`;

const INSTANT = new RegExp(INSTANT_PATTERN);
const OFFSET = /[+-](\d{2}):(\d{2})$/;

/** Milliseconds since the epoch as RFC 3339 in UTC (R0.3). */
export function instantText(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}

export function optionalInstantText(milliseconds: number | null): string | null {
  return milliseconds === null ? null : instantText(milliseconds);
}

/** An RFC 3339 time as milliseconds since the epoch. Throws `invalid_argument` that names the property for anything else, 31 February included. */
export function parseInstant(text: string, property: string): number {
  const upper = text.toUpperCase();
  const milliseconds = INSTANT.test(text) ? Date.parse(upper) : Number.NaN;
  if (Number.isNaN(milliseconds) || !isOnTheCalendar(upper)) {
    throw new KeyholdError('invalid_argument', `${property} must be a time as RFC 3339 writes it, for example 2026-01-31T12:00:00Z.`, { details: { property } });
  }
  return milliseconds;
}

/** The same for a property that may be null or left out; both stay what they are. */
export function parseOptionalInstant(text: string | null | undefined, property: string): number | null | undefined {
  return typeof text === 'string' ? parseInstant(text, property) : text;
}

/** `Date.parse` moves 31 February to March; the day must come back as it was written. */
function isOnTheCalendar(text: string): boolean {
  const offset = OFFSET.exec(text);
  if (offset !== null && (Number(offset[1]) > 23 || Number(offset[2]) > 59)) return false;
  const wall = `${text.slice(0, 19)}Z`;
  const parsed = Date.parse(wall);
  return !Number.isNaN(parsed) && new Date(parsed).toISOString().slice(0, 19) === wall.slice(0, 19);
}
