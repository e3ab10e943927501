import { describe, expect, it } from 'vitest';
import { checkedName } from './checked-input.ts';
import { shownName } from './shown-name.ts';

describe('what an identity provider calls somebody (S35)', () => {
  it.each([
    ['Zoë 👩‍💻', 'Zoë 👩‍💻'],
    ['  Zo\u0000\u001b[31më\r\n ', 'Zo[31më'],
    ['Zoë\u202e nimda', 'Zoë nimda'],
    [`${'a'.repeat(99)}👩b`, `${'a'.repeat(99)}👩`],
    ['half \ud83d', 'half'],
  ])('%j is shown as %j, which a name may be', (text, shown) => {
    expect(shownName(text)).toBe(shown);
    expect(checkedName(shown)).toBe(shown);
  });

  it('is nothing where there is nothing to see', () => {
    for (const text of ['', ' ', '\u0000', '\u200b', '\u202e\u2066']) expect(shownName(text)).toBeUndefined();
  });
});
