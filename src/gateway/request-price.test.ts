import { describe, expect, it } from 'vitest';
import { allServices } from '../../catalog/all-services.ts';
import { readListPrices } from '../../catalog/list-prices.ts';
import { Catalog } from '../core/catalog/catalog.ts';
import { PriceList } from '../core/prices/price-list.ts';
import { requestPrice } from './request-price.ts';

const catalog = new Catalog(allServices);
const list = new PriceList(readListPrices);
const AT = Date.UTC(2026, 10, 1);

function priced(serviceId: string, routeId: string, ...models: readonly string[]) {
  const service = catalog.get(serviceId);
  const route = service.gateway?.routes.find(({ id }) => id === routeId);
  if (route === undefined) throw new Error(`${serviceId} has no route ${routeId}`);
  return requestPrice(list, { service, route, model: models[0] ?? null, models }, AT);
}

describe('what a request is billed by (R5.3)', () => {
  it('is the price of its model', () => {
    expect(priced('openai', 'chat/completions', 'gpt-4o')).toBe(list.find('openai', 'gpt-4o', AT));
    expect(priced('openai', 'chat/completions', 'nobody-knows-it')).toBeNull();
    expect(priced('openai', 'chat/completions')).toBeNull();
  });

  it('S8: is the dearer one of every model that could run, and unknown if one of them is', () => {
    const dear = priced('openrouter', 'chat/completions', 'openai/gpt-4o-mini', 'openai/gpt-4o');
    expect(dear?.rates).toMatchObject({ input: 2_500_000, output: 10_000_000 });
    expect(priced('openrouter', 'chat/completions', 'openai/gpt-4o-mini', 'nobody/knows-it')).toBeNull();
  });

  it('is nothing for what needs no model\'s work: lists of models, moderations, counting tokens', () => {
    expect(priced('openai', 'models')?.rates.input).toBe(0);
    expect(priced('openai', 'models/{model}', 'nobody-knows-it')?.rates.input).toBe(0);
    expect(priced('openai', 'moderations', 'omni-moderation-latest')?.rates.input).toBe(0);
    expect(priced('anthropic', 'messages/count_tokens', 'claude-sonnet-4-5')?.rates.input).toBe(0);
  });

  it('is unknown where nobody counts what is billed', () => {
    expect(priced('openai', 'moderations', 'gpt-4o')).toBeNull();
  });
});
