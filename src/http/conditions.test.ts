import { describe, expect, it } from 'vitest';
import { parseIfMatch } from './conditions.ts';

describe('If-Match (R0.3)', () => {
  it('R0.3 takes *, one tag and a list; weak tags never match', () => {
    expect(parseIfMatch(undefined)).toBeUndefined();
    expect(parseIfMatch('*')).toBe('*');
    expect(parseIfMatch('"7"')).toEqual(['7']);
    expect(parseIfMatch('"7", "8"')).toEqual(['7', '8']);
    expect(parseIfMatch('W/"7"')).toEqual([]);
  });

  it.each(['7', '', '"7', '"7" "8"', '"7",', '*,"7"', '"a b"'])('R0.3 refuses %j', (header) => {
    expect(() => parseIfMatch(header)).toThrow(/If-Match must be/);
  });
});
