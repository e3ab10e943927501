import type { RandomBytes } from '../../ports/clock.ts';

/** Crockford's base 32, lower case: its order as text is its order as a number. */
const DIGITS = '0123456789abcdefghjkmnpqrstvwxyz';
const CODE_OF_BYTE = Uint8Array.from({ length: 256 }, (_, byte) => DIGITS.charCodeAt(byte % DIGITS.length));
const TIME_DIGITS = 10;
const RANDOM_DIGITS = 14;

/** Ids of one millisecond begin alike. */
let lastNow = -1;
let lastBeginning = '';
const randomDigits = Buffer.alloc(RANDOM_DIGITS);

/** `use_`, 10 characters of time (48 bits of milliseconds since the epoch) and 14 random ones (70 bits): ids sort by time. */
export function newUsageId(now: number, random: RandomBytes): string {
  if (now !== lastNow) {
    lastBeginning = `use_${timeDigits(now)}`;
    lastNow = now;
  }
  const bytes = random(RANDOM_DIGITS);
  for (let at = 0; at < RANDOM_DIGITS; at += 1) randomDigits[at] = CODE_OF_BYTE[bytes[at] ?? 0] ?? 0;
  return lastBeginning + randomDigits.toString('latin1');
}

function timeDigits(now: number): string {
  let time = '';
  let rest = now;
  for (let i = 0; i < TIME_DIGITS; i += 1) {
    time = DIGITS.charAt(rest % 32) + time;
    rest = Math.floor(rest / 32);
  }
  return time;
}
