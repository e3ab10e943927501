import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { Presented } from './presented.ts';
import { mintToken, parseToken, tokenDigestBytes } from './token-text.ts';

describe('a presented text (S22)', () => {
  it('is told by its digest and its spelling, whatever is asked first and how often', () => {
    const text = mintToken('g', randomBytes).text.reveal();
    const presented = new Presented(text);
    for (let time = 0; time < 2; time += 1) {
      expect(presented.parsed).toEqual(parseToken(text));
      expect(presented.digest).toEqual(tokenDigestBytes(text));
    }
    expect(new Presented('something else').parsed).toBeUndefined();
  });

  it('is itself alone', () => {
    const presented = new Presented('kh_g_one');
    expect(presented.is('kh_g_one')).toBe(true);
    for (const other of ['', 'kh_g_on', 'kh_g_onf', 'lh_g_one', 'kh_g_one ', 'kh_g_on\u{FFFF}']) expect(presented.is(other)).toBe(false);
    expect(new Presented('').is('')).toBe(true);
  });

  it('shows nobody what it is', () => {
    expect(JSON.stringify(new Presented('kh_g_one'))).toBe('{}');
  });
});
