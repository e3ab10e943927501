import { describe, expect, it } from 'vitest';
import { addEvents, addSums, HOUR_MS, hourOf, noUsage } from './rollup.ts';
import { sampleEvent } from './usage-samples.ts';

describe('roll-ups of usage (R0.2, R5.3)', () => {
  it('belong to the hour that an event ended in', () => {
    expect(hourOf(HOUR_MS - 1)).toBe(0);
    expect(hourOf(HOUR_MS)).toBe(HOUR_MS);
  });

  it('have one row for each set of dimensions, whatever is in their texts', () => {
    const rows = addEvents([], [sampleEvent('use_1', 1, { model: 'a","b' }), sampleEvent('use_2', 1, { model: 'a', route: 'b' }), sampleEvent('use_3', 1, { model: null }), sampleEvent('use_4', 1, { model: 'null' })]);
    expect(rows).toHaveLength(4);
    const more = addEvents(rows, [sampleEvent('use_5', 1, { model: null, unpriced: false, cost: { amount: '0.0000275', currency: 'USD' } })]);
    expect(more).toHaveLength(4);
    expect(more[2]).toMatchObject({ dimensions: { model: null }, sums: { requests: 2, unpricedRequests: 1, inputTokens: 20, outputTokens: 40, cachedTokens: 6, cacheWriteTokens: 4, reasoningTokens: 2, nanoDollars: 27_500 } });
    expect(rows[2]?.sums.requests).toBe(1);
  });

  it('do not grow without end with the models that a caller makes up, and lose no request (S34)', () => {
    let rows = addEvents([], []);
    for (let round = 0; round < 5; round += 1) {
      rows = addEvents(rows, Array.from({ length: 1_000 }, (_, index) => sampleEvent(`use_${index}`, 1, { model: `made-up-${round}-${index}` })));
    }
    expect(rows.length).toBeLessThanOrEqual(2_001);
    expect(rows.map(({ sums }) => sums).reduce(addSums, noUsage).requests).toBe(5_000);
  });
});
