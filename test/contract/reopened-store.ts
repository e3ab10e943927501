import type { MetadataStore } from '../../src/ports/metadata-store.ts';
import type { StoreUnderTest } from './metadata-store-rule.ts';

/** A store that is opened by `open`, also again by a rule about what outlives a restart. `remove` comes after it was closed, and takes away what it kept. */
export async function reopenedStore(open: () => Promise<MetadataStore>, remove: () => Promise<void> | void = () => undefined): Promise<StoreUnderTest> {
  const first = await open();
  let store = first;
  return {
    store: first,
    reopen: async () => {
      await store.close();
      store = await open();
      return store;
    },
    dispose: async () => {
      await store.close();
      await remove();
    },
  };
}
