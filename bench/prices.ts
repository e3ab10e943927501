import { allServices } from '../catalog/all-services.ts';
import { readListPrices } from '../catalog/list-prices.ts';
import { createInProcessBus } from '../src/adapters/bus/in-process.ts';
import { systemClock } from '../src/adapters/clock/system-clock.ts';
import { createMemoryStore } from '../src/adapters/metadata-store/memory/memory-store.ts';
import { createMetrics } from '../src/adapters/metrics/prometheus.ts';
import { dollars } from '../src/core/prices/money.ts';
import { costOf } from '../src/core/prices/price.ts';
import { PriceList } from '../src/core/prices/price-list.ts';
import { Prices } from '../src/core/prices/prices.ts';
import { requestPrice } from '../src/gateway/request-price.ts';
import { tenantScope } from '../src/ports/scope.ts';

/* `node bench/prices.ts`: what a request's price and cost take, and what reading the list takes, on this machine. */

const ROUNDS = 2_000_000;
const counts = { inputTokens: 2_006, outputTokens: 300, cachedTokens: 1_920, cacheWriteTokens: 0, reasoningTokens: 0, longCacheWriteTokens: 0, audioInputTokens: 0, audioOutputTokens: 0 };

const before = performance.now();
const priceList = new PriceList(readListPrices);
priceList.find('openai', 'gpt-4o', Date.now());
console.log(`reading the list and the first price of a service: ${(performance.now() - before).toFixed(1)} ms, once`);

const { priceBooks } = createMemoryStore();
await priceBooks.create({ scope: tenantScope('set') }, { prices: [{ service: 'openai', model: 'gpt-4o', from: 0, input: 2_000_000, output: 8_000_000 }] });
const prices = new Prices({ priceBooks, priceList, bus: createInProcessBus(), clock: systemClock, metrics: createMetrics() });
const service = allServices.find(({ id }) => id === 'openai');
const route = service?.gateway?.routes.find(({ id }) => id === 'chat/completions');
if (service === undefined || route === undefined) throw new Error('The catalogue has no chat of OpenAI.');
const request = { service, route, model: 'gpt-4o', models: ['gpt-4o'] };

for (const tenant of ['usual', 'set']) {
  await prices.tableOf(tenant);
  let digits = 0;
  const began = process.cpuUsage();
  for (let round = 0; round < ROUNDS; round += 1) {
    // Read again each 10 s, which is no part of it.
    const table = prices.tableOf(tenant);
    const price = table instanceof Promise ? null : requestPrice(table, request, systemClock.now());
    if (price !== null) digits += dollars(costOf(price, counts)).amount.length;
  }
  const { user, system } = process.cpuUsage(began);
  const nanoseconds = ((user + system) / ROUNDS) * 1e3;
  console.log(`${tenant === 'set' ? 'with a price of the tenant\'s own' : 'with the list\'s price'}: ${nanoseconds.toFixed(0)} ns of the processor a request (${digits > 0 ? 'priced' : 'not priced'})`);
}
