import type { Money } from '../../ports/usage.ts';

const NANO_DIGITS = 9;
const AMOUNT = /^(\d{1,9})(?:\.(\d{1,12}))?$/;

/** The only currency there is: providers' lists are in it. */
const CURRENCY = 'USD';

/** So many nano-dollars as R0.3 shows money: a decimal without needless zeros. */
export function dollars(nano: number): Money {
  return { amount: decimal(nano, NANO_DIGITS), currency: CURRENCY };
}

/** The nano-dollars of an amount that `dollars` wrote. */
export function nanoDollars({ amount }: Money): number {
  const [whole = '0', fraction = ''] = amount.split('.');
  return Number(whole + fraction.padEnd(NANO_DIGITS, '0'));
}

/**
 * A decimal text as a whole number of units of ten to the minus `digits`. Undefined where it is no plain decimal of 0 or more, is finer than that,
 * or is beyond what a number holds exactly.
 */
export function wholeUnits(text: string, digits: number): number | undefined {
  const [, whole = '', fraction = ''] = AMOUNT.exec(text) ?? [];
  if (whole === '' || /[1-9]/.test(fraction.slice(digits))) return undefined;
  const units = Number(whole + fraction.slice(0, digits).padEnd(digits, '0'));
  return Number.isSafeInteger(units) ? units : undefined;
}

/** A whole number of units of ten to the minus `digits` as a decimal text without needless zeros. */
export function decimal(units: number, digits: number): string {
  const one = 10 ** digits;
  let rest = units % one;
  const whole = (units - rest) / one;
  if (rest === 0) return String(whole);
  let places = one;
  while (rest % 10 === 0) {
    rest /= 10;
    places /= 10;
  }
  // The one in front holds the zeros behind the point.
  return `${whole}.${String(places + rest).slice(1)}`;
}
