import { array, assert, integer, maxSafeInteger, property, string, tuple } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { after, orderedText } from './ordered-text.ts';

const text = string({ unit: 'binary', maxLength: 12 }).filter((part) => part.isWellFormed());
const key = tuple(text, integer({ min: -1000, max: 1000 }), text);

function compare(a: readonly (string | number)[], b: readonly (string | number)[]): number {
  for (const [index, part] of a.entries()) {
    const other = b[index] ?? '';
    const order = typeof part === 'string' ? Buffer.compare(Buffer.from(part), Buffer.from(String(other))) : part - Number(other);
    if (order !== 0) return Math.sign(order);
  }
  return 0;
}

describe('orderedText', () => {
  it('orders as the parts do, texts by code points and numbers by value, and is ASCII', () => {
    assert(
      property(key, key, (a, b) => {
        const [one, two] = [orderedText(a), orderedText(b)];
        expect(Math.sign(Number(one > two) - Number(one < two))).toBe(compare(a, b));
        expect(one).toMatch(/^[ -~]*$/u);
      }),
    );
  });

  it('keeps numbers in order over the whole range', () => {
    assert(
      property(maxSafeInteger(), maxSafeInteger(), (a, b) => {
        expect(Math.sign(Number(orderedText([a]) > orderedText([b])) - Number(orderedText([a]) < orderedText([b])))).toBe(Math.sign(a - b));
      }),
    );
  });

  it('keeps long keys apart and short, and in their order as far as they are long', () => {
    const long = 'ä'.repeat(10_000);
    const texts = [orderedText(['k', `${long}a`]), orderedText(['k', `${long}b`]), orderedText(['k', long, '']), orderedText(['k', long])];
    expect(new Set(texts).size).toBe(4);
    for (const one of texts) expect(one.length).toBeLessThanOrEqual(1_064);
    expect(orderedText(['k', `a${long}`]) < orderedText(['k', `b${long}`])).toBe(true);
    expect(orderedText(['k', 'a'.repeat(990)]) < orderedText(['k', 'a'.repeat(2_000)])).toBe(true);
  });
});

describe('after', () => {
  it('comes after all that begins with the parts, and before what comes after them', () => {
    assert(
      property(text, array(text, { maxLength: 2 }), text, (first, rest, next) => {
        expect(orderedText([first, ...rest]) < after([first])).toBe(true);
        if (compare([first], [next]) < 0) expect(after([first]) < orderedText([next])).toBe(true);
      }),
    );
  });
});
