import { expect, it } from 'vitest';
import type { KeyWrapper } from '../../ports/key-wrapper.ts';
import { type KnownRootKey, recallingWrapper, type RootKeyMemory } from './recalling-wrapper.ts';

it('S34, R5.7: asks the wrapper once for the same wrapped key, and again for every other', async () => {
  const asked: string[] = [];
  const wrapper: KeyWrapper = {
    kind: 'passphrase',
    place: 'a file',
    wrap: async (rootKey) => rootKey,
    unwrap: async (wrapped, context) => {
      asked.push(`${wrapped.toString()}/${context.toString()}`);
      return Buffer.from(`key of ${wrapped.toString()}`);
    },
  };
  let known: KnownRootKey | undefined;
  /** One that every process gets as it was when that process began. */
  const memory = (): RootKeyMemory => ({ known, remember: (next) => void (known = next) });
  const unwrap = async (wrapped: string, context: string) => (await recallingWrapper(wrapper, memory()).unwrap(Buffer.from(wrapped), Buffer.from(context))).toString();
  expect([await unwrap('one', 'a'), await unwrap('one', 'a'), await unwrap('one', 'a')]).toEqual(['key of one', 'key of one', 'key of one']);
  expect(asked).toEqual(['one/a']);
  await unwrap('one', 'b');
  expect(await unwrap('two', 'b')).toBe('key of two');
  expect(asked).toEqual(['one/a', 'one/b', 'two/b']);
});
