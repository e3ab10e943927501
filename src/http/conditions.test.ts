import { describe, expect, it } from 'vitest';
import { parseIdempotencyKey, parseIfMatch } from './conditions.ts';

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

describe('Idempotency-Key (S27)', () => {
  it('S27 takes printable ASCII', () => {
    expect(parseIdempotencyKey(undefined)).toBeUndefined();
    expect(parseIdempotencyKey('a-1')).toBe('a-1');
  });

  it.each(['', 'a b', 'é', 'x'.repeat(256)])('S27 refuses %j', (header) => {
    expect(() => parseIdempotencyKey(header)).toThrow(/Idempotency-Key must be/);
  });

  it('S27 refuses two of them', () => {
    expect(() => parseIdempotencyKey(['a', 'b'])).toThrow(/Idempotency-Key must be/);
  });
});
