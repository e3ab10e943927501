import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Spellings } from './spellings.ts';

describe('Spellings', () => {
  it('finds what was remembered under exactly this spelling, wherever it stands', () => {
    const name = fc.string({ unit: fc.constantFrom('a', 'A', 'b', '-', '\xe9'), maxLength: 5 });
    fc.assert(
      fc.property(fc.array(name, { maxLength: 12 }), name, name, name, (remembered, before, asked, after) => {
        const spellings = new Spellings<number>();
        const first = new Map<string, number>();
        for (const [index, spelling] of remembered.entries()) {
          spellings.remember(spelling, index);
          if (!first.has(spelling)) first.set(spelling, index);
        }
        const found = spellings.find(before + asked + after, before.length, before.length + asked.length);
        expect(found?.value).toBe(first.get(asked));
        expect(found?.spelling).toBe(first.has(asked) ? asked : undefined);
      }),
    );
  });

  it('S34 remembers a bounded number, whatever strangers send', () => {
    const spellings = new Spellings<number>();
    for (let index = 0; index < 10_000; index += 1) spellings.remember(`x-${String(index).padStart(5, '0')}`, index);
    const known = Array.from({ length: 10_000 }, (_, index) => spellings.find(`x-${String(index).padStart(5, '0')}`, 0, 7)).filter((one) => one !== undefined);
    expect(known).toHaveLength(24);
    expect(spellings.remember('y'.repeat(1_000), 1).value).toBe(1);
    expect(spellings.find('y'.repeat(1_000), 0, 1_000)).toBeUndefined();
  });
});
