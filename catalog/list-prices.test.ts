import { readFileSync } from 'node:fs';
import { calcPrice } from '@pydantic/genai-prices';
import { describe, expect, it } from 'vitest';
import { listedPrices, providers } from '../scripts/prices/listed-prices.ts';
import { picoDollars } from '../scripts/prices/pico-dollars.ts';
import { installedVersion, priceListText } from '../scripts/prices/price-list-text.ts';
import { costOf } from '../src/core/prices/price.ts';
import { PriceList } from '../src/core/prices/price-list.ts';
import { allServices } from './all-services.ts';
import { readListPrices } from './list-prices.ts';

const list = new PriceList(readListPrices);
/** Before and after most changes of prices, and at hours that some charge more for. */
const AT = Date.UTC(2026, 10, 28, 2, 30);
const times = [Date.UTC(2025, 5, 1, 12), AT, Date.UTC(2027, 1, 1, 23)];
const usages = [
  { input_tokens: 150_000, output_tokens: 7_777 },
  { input_tokens: 300_001, output_tokens: 1 },
];

describe('the price list (point 6 of R5.4)', () => {
  it('is what the installed package says: after a change of its version, npm run refresh-prices', () => {
    expect(readFileSync(new URL('./prices.json', import.meta.url), 'utf8')).toBe(priceListText(listedPrices(installedVersion())));
  });

  it('names services of the catalogue', () => {
    const known = allServices.map(({ id }) => id);
    expect(Object.keys(readListPrices().services).filter((id) => !known.includes(id))).toEqual([]);
  });

  it.each(Object.entries(providers))('prices every model of %s as the package does, by each of its names', (service, providerId) => {
    let compared = 0;
    for (const { listed } of list.models(service)) {
      for (const name of [...(listed.is ?? []), ...(listed.like ?? []).map(({ startsWith = '', contains = '', endsWith = '' }) => startsWith + contains + endsWith)]) {
        for (const at of times) {
          const price = list.find(service, name, at);
          for (const usage of usages) {
            const theirs = calcPrice(usage, name, { providerId, timestamp: new Date(at) });
            if (price === undefined) continue;
            const ours = costOf(price, { inputTokens: usage.input_tokens, outputTokens: usage.output_tokens, cachedTokens: 0, cacheWriteTokens: 0, reasoningTokens: 0, longCacheWriteTokens: 0, audioInputTokens: 0, audioOutputTokens: 0 });
            const nano = (theirs?.total_price ?? Number.NaN) * 1e9;
            expect(Math.abs(ours - nano), `${name} at ${new Date(at).toISOString()}: ${ours} is not ${nano}`).toBeLessThanOrEqual(1 + nano * 1e-5);
            compared += 1;
          }
        }
      }
    }
    expect(compared).toBeGreaterThan(0);
  });

  it('has no price for what is not known, and none for what no usage tells', () => {
    for (const [service, model] of [['openai', 'gpt-99'], ['openai', ''], ['openai', 'x'.repeat(5_000)], ['nosuch', 'gpt-4o'], ['constructor', 'gpt-4o'], ['openai', 'constructor'], ['openai', 'whisper-1'], ['google-gemini', 'gemini-2.5-flash-image'], ['openrouter', 'openrouter/auto'], ['huggingface', 'Qwen/Qwen3-32B']] as const) {
      expect(list.find(service, model, AT), `${service} ${model}`).toBeUndefined();
    }
  });

  it('is free only where somebody says so', () => {
    const nothing = Object.entries(readListPrices().services).flatMap(([service, { models }]) => models.filter(({ prices }) => prices.some(({ input, request }) => input === 0 && request === undefined)).map(({ id }) => `${service}/${id}`));
    expect(nothing.filter((id) => !id.endsWith(':free'))).toEqual(['openai/moderation']);
  });

  it('knows dated and newest versions of a model by its own name, unless they have a price of their own', () => {
    expect(list.find('openai', 'gpt-5.2-2031-01-31', AT)).toBe(list.find('openai', 'gpt-5.2', AT));
    expect(list.find('openai', 'gpt-5.2-20310131', AT)).toBe(list.find('openai', 'gpt-5.2', AT));
    expect(list.find('openai', 'gpt-5.2-latest', AT)).toBe(list.find('openai', 'gpt-5.2', AT));
    expect(list.find('openai', 'gpt-5.2-20319931', AT)).toBeUndefined();
    expect(list.find('openai', 'GPT-4o-2024-05-13', AT)?.rates.input).toBe(5_000_000);
    expect(list.find('openai', 'gpt-4o', AT)?.rates.input).toBe(2_500_000);
    expect(list.find('huggingface', 'Qwen/Qwen3-32B:groq', AT)?.rates.input).toBe(290_000);
  });

  it('takes floating point for the decimal that was meant', () => {
    expect([0.1, 0.075, 0.0028, 0.18000000000000002, 3, 600, 1e-7, 1.5e-6, 0.08333333333333334].map(picoDollars)).toEqual([100_000, 75_000, 2_800, 180_000, 3_000_000, 600_000_000, 0, 2, 83_333]);
  });
});
