import { readFileSync } from 'node:fs';
import type { PriceData } from '../src/core/prices/price-list.ts';

/** What providers publish, from `prices.json`, which `npm run refresh-prices` writes (docs/prices.md). */
export function readListPrices(): PriceData {
  const data: PriceData = JSON.parse(readFileSync(new URL('./prices.json', import.meta.url), 'utf8'));
  return data;
}
