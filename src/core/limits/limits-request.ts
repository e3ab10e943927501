import { KeyholdError } from '../../ports/errors.ts';
import type { Limits, RateLimits, WindowLimit } from '../../ports/metadata/limits.ts';
import type { Catalog } from '../catalog/catalog.ts';

/** Limits as somebody sends them. Left out, empty or null: as much as comes. */
interface RateLimitsInput {
  readonly requests?: readonly WindowLimit[] | undefined;
  readonly tokens?: readonly WindowLimit[] | undefined;
  readonly concurrent?: number | null | undefined;
}

export interface LimitsInput extends RateLimitsInput {
  readonly services?: Readonly<Record<string, RateLimitsInput>> | undefined;
}

/** The largest number of a window; sums of a window's parts stay exact. */
const MOST = 1_000_000_000_000;
const MOST_CONCURRENT = 1_000_000;
const MOST_SERVICES = 100;

export const noLimits: Limits = { requests: [], tokens: [], concurrent: null, services: {} };

/** The limits that the input asks for. Throws `invalid_argument` for numbers that cannot be, a window that is named twice, and services that the catalogue does not know. */
export function limitsFrom(input: LimitsInput, catalog: Catalog): Limits {
  const services = Object.entries(input.services ?? {});
  if (services.length > MOST_SERVICES) throw refused('services', `Limits name at most ${MOST_SERVICES} services.`);
  for (const [id] of services) {
    if (catalog.find(id) === undefined) throw refused('services', `There is no service ${JSON.stringify(id.slice(0, 64))}. GET /api/v1/services lists those there are.`);
  }
  return { ...checkedRates(input, ''), services: Object.fromEntries(services.map(([id, rates]) => [id, checkedRates(rates, `services.${id}.`)])) };
}

function checkedRates({ requests, tokens, concurrent }: RateLimitsInput, place: string): RateLimits {
  return { requests: checkedWindows(requests, `${place}requests`), tokens: checkedWindows(tokens, `${place}tokens`), concurrent: checkedConcurrent(concurrent ?? null, `${place}concurrent`) };
}

function checkedWindows(windows: readonly WindowLimit[] = [], property: string): readonly WindowLimit[] {
  if (new Set(windows.map(({ per }) => per)).size < windows.length) throw refused(property, `${property} names a window twice. Give one number for each of second, minute, hour and day.`);
  for (const { max } of windows) if (!isCount(max, MOST)) throw refused(property, `A limit is a whole number from 1 to ${MOST}. To stop all use, disable the gateway key or suspend the tenant.`);
  return windows.map(({ max, per }) => ({ max, per }));
}

function checkedConcurrent(concurrent: number | null, property: string): number | null {
  if (concurrent === null || isCount(concurrent, MOST_CONCURRENT)) return concurrent;
  throw refused(property, `${property} is a whole number from 1 to ${MOST_CONCURRENT}.`);
}

function isCount(value: number, most: number): boolean {
  return Number.isSafeInteger(value) && value >= 1 && value <= most;
}

function refused(property: string, message: string): KeyholdError {
  return new KeyholdError('invalid_argument', message, { details: { property } });
}
