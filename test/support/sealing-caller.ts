import { createMemoryStore } from '../../src/adapters/metadata-store/memory/memory-store.ts';
import { sealedBefore } from '../../src/core/credentials/sealing-store.ts';
import { storeAround } from '../../src/core/credentials/store-around.ts';
import { createInProcessBus } from '../../src/adapters/bus/in-process.ts';
import { DataKeys } from '../../src/core/crypto/data-keys.ts';
import { fieldsDigest } from '../../src/core/crypto/digest.ts';
import { RootKey } from '../../src/core/crypto/root-key.ts';
import type { Clock, RandomBytes } from '../../src/ports/clock.ts';
import type { DataKeyRepository } from '../../src/ports/metadata/sealed.ts';
import type { PutIntent, SecretName, SecretStore } from '../../src/ports/secret-store.ts';
import type { SecretFields } from '../../src/ports/secret-value.ts';

export interface SealingOptions {
  readonly clock: Clock;
  readonly random: RandomBytes;
  /** Keeps the data keys; in memory when left out. */
  readonly repository?: DataKeyRepository;
  readonly sealsNew?: boolean;
}

/** The store as the product has it with KEYHOLD_SEAL_BEFORE_STORE, under a root key of the test's own. */
export function sealedOver(store: SecretStore, { clock, random, repository = createMemoryStore().dataKeys, sealsNew = true }: SealingOptions): SecretStore {
  const dataKeys = new DataKeys({ bus: createInProcessBus(), repository, root: new RootKey('root_sealing', Buffer.alloc(32, 3)), clock, random });
  return sealedBefore(store, { dataKeys, random, sealsNew });
}

/**
 * What puts into such a store as the product does: each intent's fields are sealed first, once, and the intent is made for them. For callers that know nothing of
 * sealing, such as the contract suite. `digestKey` is the one that their digests are keyed with.
 */
export function callingSealed(store: SecretStore, digestKey: Buffer): SecretStore {
  const intended = new Map<string, Promise<{ readonly fields: SecretFields; readonly intent: PutIntent }>>();

  async function sealFor(name: SecretName, fields: SecretFields, intent: PutIntent) {
    const sealed = await store.seal?.(name, intent.version, fields);
    if (sealed === undefined) throw new Error('The store does not seal.');
    return { fields: sealed.fields, intent: { ...intent, sealedUnder: sealed.sealedUnder, digest: fieldsDigest(digestKey, sealed.fields) } };
  }

  return storeAround(store, {
    put: async (name, fields, intent) => {
      const write = intended.get(intent.id) ?? sealFor(name, fields, intent);
      intended.set(intent.id, write);
      const { fields: kept, intent: made } = await write;
      return store.put(name, kept, made);
    },
    probe: async (name, intent) => store.probe(name, (await intended.get(intent.id))?.intent ?? intent),
  });
}
