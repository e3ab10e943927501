import { describe, expect, it } from 'vitest';
import { instantText, parseInstant } from './rfc3339.ts';

describe('RFC 3339 times (R0.3)', () => {
  it('R0.3 are written in UTC', () => {
    expect(instantText(0)).toBe('1970-01-01T00:00:00.000Z');
  });

  it('are read with any offset and precision', () => {
    expect(parseInstant('2026-01-31T12:00:00Z', 'from')).toBe(Date.UTC(2026, 0, 31, 12));
    expect(parseInstant('2026-01-31t12:00:00.5+02:00', 'from')).toBe(Date.UTC(2026, 0, 31, 10, 0, 0, 500));
  });

  it.each(['', '2026-01-31', '2026-02-31T00:00:00Z', '2026-13-01T00:00:00Z', '2026-01-31T25:00:00Z', '2026-01-31 12:00:00Z', '1769860800000', '2026-01-31T12:00:00', '2026-01-31T12:00:00+99:00', 'now'])(
    'refuses %s and names the property',
    (text) => {
      expect(() => parseInstant(text, 'expiresAt')).toThrow(/expiresAt must be a time/);
    },
  );
});
