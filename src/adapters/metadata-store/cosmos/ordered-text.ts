import { createHash } from 'node:crypto';
import type { Place } from '../paging.ts';

/** Longer texts are cut there and go on with their hash: what is the same so far is then in the hash's order, and stays apart. */
const MOST = 1_000;
const LEAST_ABOVE = '!';

/**
 * One text whose order is that of the parts, texts by their code points and numbers by their value, whether a database compares bytes, UTF-16 units or by
 * ASCII. Parts are divided by a space, which comes before all that a part can hold.
 */
export function orderedText(parts: Place): string {
  const text = parts.map((part) => (typeof part === 'number' ? orderedNumber(part) : orderedCharacters(part))).join(' ');
  if (text.length <= MOST) return text;
  return `${text.slice(0, MOST)}${createHash('sha256').update(JSON.stringify(parts)).digest('hex')}`;
}

/** What comes after every text that begins with these parts, and before what comes after them. */
export function after(parts: Place): string {
  return `${orderedText(parts)}${LEAST_ABOVE}`;
}

/** Whole numbers up to 2^53 either way, in 17 digits. */
function orderedNumber(value: number): string {
  const whole = Math.floor(value);
  return whole < 0 ? `0${String(Number.MAX_SAFE_INTEGER + whole).padStart(16, '0')}` : `1${String(whole).padStart(16, '0')}`;
}

/** From `"` to `}` as they are; what comes before them after `!`, what comes after them after `~`. */
function orderedCharacters(text: string): string {
  return text.replaceAll(/[^"-}]/gu, (character) => {
    const point = character.codePointAt(0) ?? 0;
    return point < 0x22 ? `!${point.toString(16).padStart(2, '0')}` : `~${point.toString(16).padStart(6, '0')}`;
  });
}
