import { randomBytes } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { newUsageId } from './usage-id.ts';

describe('usage ids (R5.3)', () => {
  it('are `use_` and 24 characters', () => {
    expect(newUsageId(Date.now(), randomBytes)).toMatch(/^use_[0-9a-hjkmnp-tv-z]{24}$/u);
    expect(newUsageId(0, (count) => Buffer.alloc(count))).toBe('use_000000000000000000000000');
  });

  it('sort by time', () => {
    const time = fc.integer({ min: 0, max: 2 ** 48 - 1 });
    fc.assert(
      fc.property(time, time, (a, b) => {
        if (a === b) return;
        expect(newUsageId(a, randomBytes) < newUsageId(b, randomBytes)).toBe(a < b);
      }),
    );
  });

  it('do not repeat within a millisecond', () => {
    expect(new Set(Array.from({ length: 10_000 }, () => newUsageId(1, randomBytes))).size).toBe(10_000);
  });
});
