import type { SecretStore } from '../../ports/secret-store.ts';
import { storeAround } from '../credentials/store-around.ts';
import { signOfLife, type Source } from './source.ts';

/**
 * The store with a watch on how it is: reads are repeated within a budget and noted, and whoever asks how it is finds it again. Writes are not repeated here:
 * their intents and proofs are how they go on (DESIGN «One record at a time»).
 */
export function watchedStore(store: SecretStore, source: Source): SecretStore {
  return storeAround(store, {
    get: (reference) => source.run(() => store.get(reference)),
    health: async () => {
      const health = await store.health();
      const sign = signOfLife(health);
      if (sign !== false) source.seenAlive(sign);
      return health;
    },
  });
}
