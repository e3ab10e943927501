import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { isFieldValue } from './field-value.ts';

it('S5 takes for a header\'s value what cannot end its line, however long it is', () => {
  for (let code = 0; code <= 0x120; code += 1) {
    const isSafe = code === 0x09 || (code >= 0x20 && code <= 0xff && code !== 0x7f);
    const character = String.fromCharCode(code);
    for (const text of [character, `a${character}b`, `${'a'.repeat(100)}${character}`]) expect(isFieldValue(text), `character ${code}`).toBe(isSafe);
  }
  fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 130 }), (text) => isFieldValue(text) === /^[\t\x20-\x7e\x80-\xff]*$/.test(text)));
});
