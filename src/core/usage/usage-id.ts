import type { RandomBytes } from '../../ports/clock.ts';

/** Crockford's base 32, lower case: its order as text is its order as a number. */
const DIGITS = '0123456789abcdefghjkmnpqrstvwxyz';
const TIME_DIGITS = 10;
const RANDOM_DIGITS = 14;

/** `use_`, 10 characters of time (48 bits of milliseconds since the epoch) and 14 random ones (70 bits): ids sort by time. */
export function newUsageId(now: number, random: RandomBytes): string {
  let time = '';
  let rest = now;
  for (let i = 0; i < TIME_DIGITS; i += 1) {
    time = DIGITS.charAt(rest % 32) + time;
    rest = Math.floor(rest / 32);
  }
  let tail = '';
  for (const byte of random(RANDOM_DIGITS)) tail += DIGITS.charAt(byte & 31);
  return `use_${time}${tail}`;
}
