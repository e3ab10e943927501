import type { RandomBytes } from '../../ports/clock.ts';

/** Crockford's base 32, lower case: its order as text is its order as a number. */
const DIGITS = '0123456789abcdefghjkmnpqrstvwxyz';
const CODES = Uint8Array.from(DIGITS, (digit) => digit.charCodeAt(0));
const PREFIX = 'use_';
const TIME_DIGITS = 10;
const RANDOM_DIGITS = 14;

/** The id that is being made, byte by byte: as a text put together from texts it would be written as JSON half as fast (docs/performance.md). */
const id = Buffer.from(PREFIX.padEnd(PREFIX.length + TIME_DIGITS + RANDOM_DIGITS, '0'), 'latin1');
/** Ids of one millisecond begin alike. */
let lastNow = 0;

/** `use_`, 10 characters of time (48 bits of milliseconds since the epoch) and 14 random ones (70 bits): ids sort by time. */
export function newUsageId(now: number, random: RandomBytes): string {
  if (now !== lastNow) {
    let rest = now;
    for (let at = PREFIX.length + TIME_DIGITS - 1; at >= PREFIX.length; at -= 1) {
      id[at] = CODES[rest % 32] ?? 0;
      rest = Math.floor(rest / 32);
    }
    lastNow = now;
  }
  const bytes = random(RANDOM_DIGITS);
  for (let at = 0; at < RANDOM_DIGITS; at += 1) id[PREFIX.length + TIME_DIGITS + at] = CODES[(bytes[at] ?? 0) & 31] ?? 0;
  return id.toString('latin1');
}
