import { createHash } from 'node:crypto';
import type { KeyWrapper } from '../../ports/key-wrapper.ts';

/** A root key that was unwrapped before, and what it was unwrapped from. */
export interface KnownRootKey {
  /** Of the wrapped bytes and their context, in hexadecimal digits. */
  readonly digest: string;
  /** Base64. */
  readonly key: string;
}

/** What processes of one data folder hand on from one to the next, in memory alone. */
export interface RootKeyMemory {
  readonly known: KnownRootKey | undefined;
  remember(known: KnownRootKey): void;
}

/**
 * A wrapper that does not ask twice for what it once gave: a worker that starts while its siblings serve needs neither the seconds of a passphrase (S34)
 * nor a vault that may be away at that moment. Only for the very bytes that were unwrapped; anything else goes to the wrapper.
 */
export function recallingWrapper(wrapper: KeyWrapper, memory: RootKeyMemory): KeyWrapper {
  return {
    kind: wrapper.kind,
    place: wrapper.place,
    wrap: (rootKey, context) => wrapper.wrap(rootKey, context),
    async unwrap(wrapped, context) {
      const digest = digestOf(wrapped, context);
      if (memory.known?.digest === digest) return Buffer.from(memory.known.key, 'base64');
      const rootKey = await wrapper.unwrap(wrapped, context);
      memory.remember({ digest, key: rootKey.toString('base64') });
      return rootKey;
    },
  };
}

function digestOf(wrapped: Buffer, context: Buffer): string {
  return createHash('sha256').update(createHash('sha256').update(wrapped).digest()).update(context).digest('hex');
}
