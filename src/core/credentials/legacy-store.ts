import type { PutIntent, SecretReference, SecretStore } from '../../ports/secret-store.ts';
import type { LegacyReader } from './legacy-reader.ts';
import { storeAround } from './store-around.ts';

/**
 * A store whose values may be an earlier system's (R3.4). What is put under an intent that says so gets a reference that says so, also when somebody else
 * proves the put; and whoever reads such a reference gets plaintext, so that nobody can take ciphertext for a key. Everything else is as the store has it.
 */
export function withLegacyValues(store: SecretStore, reader: LegacyReader): SecretStore {
  const newerThan = store.newerThan?.bind(store);
  return storeAround(store, {
    put: async (name, fields, intent, notes) => marked(await store.put(name, fields, intent, notes), intent),
    get: async (reference) => {
      const kept = await store.get(reference);
      return reference.legacy === undefined ? kept : reader.open(reference.legacy, reference.name, kept);
    },
    probe: async (name, intent) => {
      const proven = await store.probe(name, intent);
      return proven === undefined ? undefined : marked(proven, intent);
    },
    ...(newerThan === undefined ? {} : { newerThan: (reference) => newerOfTheSameForm(newerThan, reference) }),
  });
}

/** Who writes such a value past Keyhold encrypts it, too: plaintext that is found there is not taken over. */
async function newerOfTheSameForm(newerThan: NonNullable<SecretStore['newerThan']>, reference: SecretReference): Promise<SecretReference | undefined> {
  const newer = await newerThan(reference);
  return newer === undefined ? undefined : marked(newer, reference);
}

function marked(reference: SecretReference, { legacy }: Pick<PutIntent, 'legacy'>): SecretReference {
  return legacy === undefined ? reference : { ...reference, legacy };
}
