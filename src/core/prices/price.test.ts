import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readListPrices } from '../../../catalog/list-prices.ts';
import type { MeteredCounts } from '../../ports/usage.ts';
import { costOf, dearer, type Price, type Rates, worstCase } from './price.ts';
import { PriceList } from './price-list.ts';

const list = new PriceList(readListPrices);
const AT = Date.UTC(2026, 10, 1);

function counts(given: Partial<MeteredCounts>): MeteredCounts {
  return { inputTokens: 0, outputTokens: 0, cachedTokens: 0, cacheWriteTokens: 0, reasoningTokens: 0, longCacheWriteTokens: 0, audioInputTokens: 0, audioOutputTokens: 0, ...given };
}

function bill(service: string, model: string, given: Partial<MeteredCounts>): number {
  const price = list.find(service, model, AT);
  if (price === undefined) throw new Error(`${model} has no price`);
  return costOf(price, counts(given));
}

const rate = fc.oneof(fc.nat({ max: 600_000_000 }), fc.constantFrom(0, 1, 499, 500, 501, 999, 1000, 1001));
const rates: fc.Arbitrary<Rates> = fc.record({ input: rate, cachedInput: rate, cacheWrite: rate, longCacheWrite: rate, audioInput: rate, output: rate, audioOutput: rate });
const tokens = fc.oneof(fc.nat({ max: 3_000_000 }), fc.nat({ max: 20 }), fc.nat({ max: Number.MAX_SAFE_INTEGER }));
const price: fc.Arbitrary<Price> = fc.record({
  rates,
  request: fc.nat({ max: 1_000_000_000 }),
  longContext: fc.uniqueArray(fc.record({ above: fc.nat({ max: 1_000_000 }), rates }), { maxLength: 3, selector: ({ above }) => above }).map((tiers) => tiers.toSorted((a, b) => a.above - b.above)),
});
const someCounts: fc.Arbitrary<MeteredCounts> = fc.record({
  inputTokens: tokens,
  outputTokens: tokens,
  cachedTokens: tokens,
  cacheWriteTokens: tokens,
  reasoningTokens: tokens,
  longCacheWriteTokens: tokens,
  audioInputTokens: tokens,
  audioOutputTokens: tokens,
});

/** The same bill in exact rational arithmetic: pico-dollars, and then nano-dollars rounded half up. */
function exactly({ rates: base, request, longContext }: Price, given: MeteredCounts): bigint {
  const big = (value: number): bigint => BigInt(value);
  const least = (a: bigint, b: bigint): bigint => (a < b ? a : b);
  const own = longContext.findLast(({ above }) => given.inputTokens > above)?.rates ?? base;
  const cached = least(big(given.cachedTokens), big(given.inputTokens));
  const written = least(big(given.cacheWriteTokens), big(given.inputTokens) - cached);
  const long = least(big(given.longCacheWriteTokens), written);
  const audioIn = least(big(given.audioInputTokens), big(given.inputTokens) - cached - written);
  const audioOut = least(big(given.audioOutputTokens), big(given.outputTokens));
  const pico =
    (big(given.inputTokens) - cached - written - audioIn) * big(own.input) +
    cached * big(own.cachedInput) +
    (written - long) * big(own.cacheWrite) +
    long * big(own.longCacheWrite) +
    audioIn * big(own.audioInput) +
    (big(given.outputTokens) - audioOut) * big(own.output) +
    audioOut * big(own.audioOutput);
  const nano = big(request) + (pico * 2n + 1000n) / 2000n;
  return least(nano, BigInt(Number.MAX_SAFE_INTEGER));
}

describe('the cost of a request (R5.3)', () => {
  it('is what exact rational arithmetic says, rounded once to a nano-dollar, whatever the counts are', () => {
    fc.assert(
      fc.property(price, someCounts, (one, given) => {
        const cost = costOf(one, given);
        expect(Number.isSafeInteger(cost)).toBe(true);
        expect(BigInt(cost)).toBe(exactly(one, given));
      }),
      { numRuns: 2_000 },
    );
  });

  it('is never more than the worst case of as many tokens or more', () => {
    fc.assert(
      fc.property(price, someCounts, fc.nat({ max: 10_000 }), (one, given, more) => {
        expect(costOf(one, given)).toBeLessThanOrEqual(worstCase(one, Math.min(given.inputTokens + more, Number.MAX_SAFE_INTEGER), Math.min(given.outputTokens + more, Number.MAX_SAFE_INTEGER)));
      }),
      { numRuns: 2_000 },
    );
  });

  it('of whichever of two models runs is never more than by the dearer of their prices', () => {
    fc.assert(
      fc.property(price, price, someCounts, (one, other, given) => {
        const both = costOf(dearer(one, other), given);
        expect(both).toBeGreaterThanOrEqual(Math.max(costOf(one, given), costOf(other, given)));
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('known bills', () => {
  it('of OpenAI: gpt-4o at $2.50, $1.25 cached, $10', () => {
    // 2,006 prompt tokens, 1,920 of them cached, 300 completion tokens: 86 x 2.5 + 1920 x 1.25 + 300 x 10 millionths.
    expect(bill('openai', 'gpt-4o', { inputTokens: 2_006, cachedTokens: 1_920, outputTokens: 300 })).toBe(5_615_000);
    expect(bill('openai', 'gpt-4o-2024-08-06', { inputTokens: 2_006, cachedTokens: 1_920, outputTokens: 300 })).toBe(5_615_000);
  });

  it('of OpenAI: reasoning is part of the output and is not paid twice; o3 at $2, $0.50 cached, $8', () => {
    expect(bill('openai', 'o3', { inputTokens: 1_000, outputTokens: 2_000, reasoningTokens: 1_500 })).toBe(18_000_000);
  });

  it('of Anthropic: Claude Sonnet 4.5 at $3, $0.30 read from the cache, $3.75 written, $6 for an hour, $15', () => {
    // input_tokens 50, cache_read_input_tokens 100,000, cache_creation_input_tokens 248: ours are all of them.
    const told = { inputTokens: 100_298, cachedTokens: 100_000, cacheWriteTokens: 248, outputTokens: 503 };
    expect(bill('anthropic', 'claude-sonnet-4-5-20250929', told)).toBe(50 * 3_000 + 100_000 * 300 + 248 * 3_750 + 503 * 15_000);
    expect(bill('anthropic', 'claude-sonnet-4-5', { ...told, longCacheWriteTokens: 48 })).toBe(50 * 3_000 + 100_000 * 300 + 200 * 3_750 + 48 * 6_000 + 503 * 15_000);
  });

  it('of Google: all of a request above 200,000 tokens costs more; Gemini 2.5 Pro at $1.25 and $10, or $2.50 and $15', () => {
    expect(bill('google-gemini', 'gemini-2.5-pro', { inputTokens: 200_000, outputTokens: 1_000 })).toBe(200_000 * 1_250 + 1_000 * 10_000);
    expect(bill('google-gemini', 'models/gemini-2.5-pro', { inputTokens: 200_001, outputTokens: 1_000 })).toBe(200_001 * 2_500 + 1_000 * 15_000);
  });

  it('of Perplexity: each request costs something, too; sonar at $1, $1 and $12 a thousand', () => {
    expect(bill('perplexity', 'sonar', { inputTokens: 100, outputTokens: 200 })).toBe(12_000_000 + 300 * 1_000);
  });

  it('are exact below a nano-dollar a token: DeepSeek\'s cached input at $0.0028 a million', () => {
    const before = list.find('deepseek', 'deepseek-v4-flash', Date.UTC(2026, 6, 1, 12));
    expect(before === undefined ? null : costOf(before, counts({ inputTokens: 1_000, cachedTokens: 1_000 }))).toBe(2_800);
  });
});
