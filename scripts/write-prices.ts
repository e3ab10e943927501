import { writeFileSync } from 'node:fs';
import { listedPrices } from './prices/listed-prices.ts';
import { installedVersion, priceListText } from './prices/price-list-text.ts';

// `catalog/prices.json` is what the installed `@pydantic/genai-prices` says of the catalogue's services; a test compares the two.
writeFileSync(new URL('../catalog/prices.json', import.meta.url), priceListText(listedPrices(installedVersion())));
