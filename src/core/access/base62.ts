const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** A non-negative whole number in base 62, with zeros in front up to `length`. Throws `RangeError` when it needs more. A `number` is below 2^53. */
export function toBase62(value: bigint | number, length: number): string {
  let digits = '';
  if (typeof value === 'number') {
    for (let rest = value; rest > 0; rest = Math.floor(rest / 62)) digits = DIGITS.charAt(rest % 62) + digits;
  } else {
    for (let rest = value; rest > 0n; rest /= 62n) digits = DIGITS.charAt(Number(rest % 62n)) + digits;
  }
  if (digits.length > length) throw new RangeError(`The number needs more than ${length} digits.`);
  return digits.padStart(length, '0');
}
