import type { PriceBookRecord, SetPrice } from '../../ports/metadata/prices.ts';
import { matchesGlob } from '../access/glob.ts';
import type { Price } from './price.ts';
import { priceOf } from './price-list.ts';

/** A price from a time on. */
interface Period {
  readonly from: number;
  readonly price: Price;
}

interface OfService {
  readonly exact: ReadonlyMap<string, readonly Period[]>;
  /** The more that a glob says, the earlier. */
  readonly globs: readonly { readonly glob: string; readonly periods: readonly Period[] }[];
}

/** The prices that are set for the platform or for one tenant, ready to be looked up. */
export class PriceBook {
  readonly prices: readonly SetPrice[];
  readonly #services: ReadonlyMap<string, OfService>;

  constructor({ prices }: PriceBookRecord) {
    this.prices = prices;
    this.#services = new Map([...Map.groupBy(prices, ({ service }) => service)].map(([service, own]) => [service, ofService(own)]));
  }

  get isEmpty(): boolean {
    return this.prices.length === 0;
  }

  /**
   * What is set for a model (in lower case) at a time: under its own name, under `known`, which providers' lists have it by, or for all that a glob fits.
   * Undefined where nothing is, or not yet.
   */
  find(service: string, model: string, known: string | undefined, at: number): Price | undefined {
    const own = this.#services.get(service);
    if (own === undefined) return undefined;
    return atTime(own.exact.get(model), at) ?? (known === undefined ? undefined : atTime(own.exact.get(known), at)) ?? firstFitting(own, model, at);
  }
}

/** Of somebody for whom nothing is set. */
export const emptyBook = new PriceBook({ prices: [] });

function firstFitting({ globs }: OfService, model: string, at: number): Price | undefined {
  for (const { glob, periods } of globs) {
    const price = matchesGlob(glob, model) ? atTime(periods, at) : undefined;
    if (price !== undefined) return price;
  }
  return undefined;
}

function atTime(periods: readonly Period[] | undefined, at: number): Price | undefined {
  return periods?.findLast(({ from }) => from <= at)?.price;
}

function ofService(prices: readonly SetPrice[]): OfService {
  const models = [...Map.groupBy(prices, ({ model }) => model)].map(([model, own]) => ({
    glob: model,
    periods: own.toSorted((a, b) => a.from - b.from).map((price) => ({ from: price.from, price: priceOf(price) })),
  }));
  return {
    exact: new Map(models.filter(({ glob }) => !isGlob(glob)).map(({ glob, periods }) => [glob, periods])),
    globs: models.filter(({ glob }) => isGlob(glob)).toSorted((a, b) => saidBy(b.glob) - saidBy(a.glob)),
  };
}

/** Whether a name has wildcards. */
export function isGlob(model: string): boolean {
  return /[*?]/.test(model);
}

function saidBy(glob: string): number {
  return glob.replaceAll('*', '').length;
}
