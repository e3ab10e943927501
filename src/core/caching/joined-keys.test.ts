import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { JoinedKeys } from './joined-keys.ts';

it('JoinedKeys gives what joining gives, however often and however many are asked for', () => {
  const keys = new JoinedKeys((first, second) => `${first}/${second}`);
  for (let index = 0; index < 25_000; index += 1) expect(keys.of(`a${index % 150}`, `b${index}`)).toBe(`a${index % 150}/b${index}`);
  fc.assert(fc.property(fc.string(), fc.string(), (first, second) => keys.of(first, second) === `${first}/${second}` && keys.of(first, second) === `${first}/${second}`));
});
