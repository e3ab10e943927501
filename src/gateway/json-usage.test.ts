import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JsonUsage } from './json-usage.ts';

function fed(bytes: Buffer, size: number): JsonUsage {
  const usage = new JsonUsage();
  for (let at = 0; at < bytes.length; at += size) usage.feed(bytes.subarray(at, at + size));
  return usage;
}

describe('R5.3 usage of a plain answer', () => {
  it('is what JSON.parse finds at the top level, however the bytes come', () => {
    const answer = fc.dictionary(fc.constantFrom('usage', 'choices', 'usag', 'usages', '"usage"', 'a\\', 'x'), fc.jsonValue({ maxDepth: 3 }));
    fc.assert(
      fc.property(answer, fc.integer({ min: 1, max: 9 }), fc.constantFrom(0, 1), (value, size, indent) => {
        const usage = fed(Buffer.from(JSON.stringify(value, null, indent)), size);
        const { usage: found } = value;
        const isObject = typeof found === 'object' && found !== null && !Array.isArray(found);
        expect(usage.value()).toEqual(isObject ? JSON.parse(JSON.stringify(found)) : undefined);
        expect(usage.whole).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });

  it('tells that an answer is not whole wherever it is cut', () => {
    const bytes = Buffer.from('{"choices":[{"message":{"content":"} ] \\" 😀"}}],"usage":{"prompt_tokens":1}}');
    for (let end = 0; end < bytes.length; end += 1) expect(fed(bytes.subarray(0, end), 5).whole).toBe(false);
    expect(fed(bytes, 5).whole).toBe(true);
  });
});
