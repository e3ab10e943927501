import { KeyholdError } from '../../ports/errors.ts';
import type { TokenRates } from '../../ports/metadata/prices.ts';
import { decimal, wholeUnits } from './money.ts';

/** Dollars a million tokens are whole pico-dollars a token up to here. */
const RATE_DIGITS = 6;
const REQUEST_DIGITS = 9;

/** Rates as R0.3 writes money: dollars a million tokens, as decimal texts. */
export interface RateTexts {
  readonly input: string;
  readonly cachedInput?: string;
  readonly cacheWrite?: string;
  readonly longCacheWrite?: string;
  readonly audioInput?: string;
  readonly output?: string;
  readonly audioOutput?: string;
}

const optionalRates = ['cachedInput', 'cacheWrite', 'longCacheWrite', 'audioInput', 'output', 'audioOutput'] as const;

/** The rates that were put. Throws `invalid_argument` for what is no price. */
export function ratesFrom(texts: RateTexts): TokenRates {
  const optional = optionalRates.flatMap((name) => {
    const text = texts[name];
    return text === undefined ? [] : [[name, rateFrom(text, name)] as const];
  });
  return { input: rateFrom(texts.input, 'input'), ...Object.fromEntries(optional) };
}

export function rateTexts(rates: TokenRates): RateTexts {
  const optional = optionalRates.flatMap((name) => {
    const rate = rates[name];
    return rate === undefined ? [] : [[name, decimal(rate, RATE_DIGITS)] as const];
  });
  return { input: decimal(rates.input, RATE_DIGITS), ...Object.fromEntries(optional) };
}

/** Pico-dollars a token. */
export function rateFrom(text: string, property: string): number {
  return unitsFrom(text, RATE_DIGITS, property, 'dollars a million tokens, for example 2.50, with 6 digits after the point at most');
}

export function rateText(rate: number): string {
  return decimal(rate, RATE_DIGITS);
}

/** Nano-dollars a request. */
export function requestPriceFrom(text: string, property: string): number {
  return unitsFrom(text, REQUEST_DIGITS, property, 'dollars a request, for example 0.005, with 9 digits after the point at most');
}

export function requestPriceText(nano: number): string {
  return decimal(nano, REQUEST_DIGITS);
}

/** A million dollars for a million tokens, or for a request, is a slip of the keyboard. */
const MOST_DOLLARS = 1_000_000;

function unitsFrom(text: string, digits: number, property: string, what: string): number {
  const units = wholeUnits(text, digits);
  if (units !== undefined && units <= MOST_DOLLARS * 10 ** digits) return units;
  throw new KeyholdError('invalid_argument', `${property} is a price: a decimal text in ${what}.`, { details: { property } });
}
