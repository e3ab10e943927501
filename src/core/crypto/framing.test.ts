import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { frame } from './framing.ts';

describe('S13: a frame', () => {
  it('has the published form', () => {
    expect(frame(['ab', 'c']).toString('hex')).toBe('0000000261620000000163');
    expect(frame(['é', '']).toString('hex')).toBe('00000002c3a900000000');
  });

  it('is never the same for two lists of texts', () => {
    const texts = fc.array(fc.string({ unit: fc.constantFrom('a', '\0', '\u0001', 'é'), maxLength: 3 }), { maxLength: 4 });
    fc.assert(
      fc.property(texts, texts, (one, other) => {
        expect(frame(one).equals(frame(other))).toBe(JSON.stringify(one) === JSON.stringify(other));
      }),
    );
  });
});
