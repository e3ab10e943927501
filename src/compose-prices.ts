import { readListPrices } from '../catalog/list-prices.ts';
import type { Catalog } from './core/catalog/catalog.ts';
import type { Sources } from './core/outages/sources.ts';
import { ModelList } from './core/prices/model-list.ts';
import { PriceList } from './core/prices/price-list.ts';
import { PriceService } from './core/prices/price-service.ts';
import { Prices } from './core/prices/prices.ts';
import type { Bus } from './ports/bus.ts';
import type { Clock } from './ports/clock.ts';
import type { MetadataStore } from './ports/metadata-store.ts';
import type { Metrics } from './ports/metrics.ts';

export interface PricesOptions {
  readonly metadata: Pick<MetadataStore, 'priceBooks'>;
  readonly catalog: Catalog;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly sources: Sources;
}

/** What requests cost, who sets it, and the list of what has a price. */
export function createPrices({ metadata: { priceBooks }, catalog, bus, clock, metrics, sources }: PricesOptions): { readonly priceList: PriceList; readonly prices: Prices; readonly priceService: PriceService; readonly models: ModelList } {
  const priceList = new PriceList(readListPrices);
  const prices = new Prices({ priceBooks, priceList, bus, clock, metrics, sources });
  return { priceList, prices, priceService: new PriceService({ priceBooks, catalog, bus }), models: new ModelList({ priceList, prices, catalog, clock }) };
}
