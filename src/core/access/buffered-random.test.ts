import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { bufferedRandom } from './buffered-random.ts';

describe('random bytes for ids', () => {
  it('gives each byte of the source once, in its order', () => {
    const given: Buffer[] = [];
    const random = bufferedRandom((count) => {
      const bytes = randomBytes(count);
      given.push(bytes);
      return bytes;
    });
    const taken = Array.from({ length: 1_000 }, (_, index) => random(1 + (index % 24)));
    let from = 0;
    let block = 0;
    for (const piece of taken) {
      if (from + piece.length > (given[block]?.length ?? 0)) {
        block += 1;
        from = 0;
      }
      expect(piece).toEqual(given[block]?.subarray(from, from + piece.length));
      from += piece.length;
    }
    expect(given.length).toBe(block + 1);
  });

  it('asks the source itself for more than it keeps', () => {
    const asked: number[] = [];
    const random = bufferedRandom((count) => {
      asked.push(count);
      return randomBytes(count);
    });
    expect(random(10_000)).toHaveLength(10_000);
    expect(asked).toEqual([10_000]);
  });
});
