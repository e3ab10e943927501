import type { RouteSpec, Service } from '../core/catalog/service.ts';
import { dearer, type Price } from '../core/prices/price.ts';
import type { PriceTable } from '../core/prices/price-table.ts';

const noRates = { input: 0, cachedInput: 0, cacheWrite: 0, longCacheWrite: 0, audioInput: 0, output: 0, audioOutput: 0 };
const free: Price = Object.freeze({ rates: Object.freeze(noRates), request: 0, longContext: [] });

/** What of a request its price depends on. */
interface Priced {
  readonly service: Service;
  readonly route: RouteSpec;
  readonly model: string | null;
  /** Every model that could run (S8). */
  readonly models: readonly string[];
  /** What it is billed as; left out: `models`. */
  readonly billedAs?: readonly string[];
}

/**
 * What the request is billed by, by the prices of a moment; null where that is not known. Where several models could run it is the dearer of their prices
 * in every respect, since what ran is nowhere told in the same way. Looking something up that is no work for a model costs nothing.
 */
export function requestPrice(table: PriceTable, { service, route, models, billedAs = models }: Priced, at: number): Price | null {
  if (route.free === true || (route.usage === 'none' && route.method === 'GET')) return free;
  let price: Price | null = null;
  for (const model of billedAs) {
    const found = table.find(service.id, model, at);
    if (found === undefined) return null;
    price = price === null ? found : dearer(price, found);
  }
  // Nobody counts the tokens of such a route.
  return price !== null && route.usage === 'none' && worthCounting(price) ? null : price;
}

function worthCounting({ rates, longContext }: Price): boolean {
  return longContext.length > 0 || Object.values(rates).some((rate) => rate > 0);
}
