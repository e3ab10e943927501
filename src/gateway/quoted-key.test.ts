import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { quotesKey } from './quoted-key.ts';

const key = 'sk-test/quoted+key_0001';

it.each([
  [`The key ${key} is not valid`, true],
  [JSON.stringify({ error: { message: key } }).replaceAll('/', '\\/'), true],
  ['{"message":"sk\\u002Dtest\\u002fquoted\\u002bkey_0001"}', true],
  ['{"path":"C:\\\\sk"}', false],
  ['sk-test/quoted+key_000', false],
])('R10.1 %s quotes the key: %s', (text, quoted) => {
  expect(quotesKey(text, key)).toBe(quoted);
});

it('R10.1 finds any key in any JSON text around it, whichever characters are escaped', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[\x21-\x7e]{8,60}$/), fc.string(), fc.func(fc.boolean()), (secret, before, escaped) => {
      const text = JSON.stringify(before + secret).replaceAll(/[\w/-]/g, (character) =>
        /[bfnrtu\\]/.test(character) || !escaped(character) ? character : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
      );
      expect(quotesKey(text, secret)).toBe(true);
    }),
  );
});
