import type { PutIntent, SecretReference, SecretStore } from '../../ports/secret-store.ts';
import type { LegacyReader } from './legacy-reader.ts';

/**
 * A store whose values may be an earlier system's (R3.4). What is put under an intent that says so gets a reference that says so, also when somebody else
 * proves the put; and whoever reads such a reference gets plaintext, so that nobody can take ciphertext for a key. Everything else is as the store has it.
 */
export function withLegacyValues(store: SecretStore, reader: LegacyReader): SecretStore {
  const { newerThan, giveUp, newestBase, newest, place, found, ...always } = {
    kind: store.kind,
    capabilities: store.capabilities,
    put: async (name, fields, intent) => marked(await store.put(name, fields, intent), intent),
    get: async (reference) => {
      const kept = await store.get(reference);
      return reference.legacy === undefined ? kept : reader.open(reference.legacy, reference.name, kept);
    },
    probe: async (name, intent) => {
      const proven = await store.probe(name, intent);
      return proven === undefined ? undefined : marked(proven, intent);
    },
    newerThan: store.newerThan?.bind(store),
    giveUp: store.giveUp?.bind(store),
    newestBase: store.newestBase?.bind(store),
    newest: store.newest?.bind(store),
    place: store.place?.bind(store),
    found: store.found?.bind(store),
    remove: (reference) => store.remove(reference),
    restore: (reference) => store.restore(reference),
    destroy: (reference) => store.destroy(reference),
    health: () => store.health(),
  } satisfies EveryMember;
  return {
    ...always,
    ...(newerThan === undefined ? {} : { newerThan: (reference) => newerOfTheSameForm(newerThan, reference) }),
    ...(giveUp === undefined ? {} : { giveUp }),
    ...(newestBase === undefined ? {} : { newestBase }),
    ...(newest === undefined ? {} : { newest }),
    ...(place === undefined ? {} : { place }),
    ...(found === undefined ? {} : { found }),
  };
}

/** A member that the port gets later has to be thought of here. */
type EveryMember = { readonly [Member in keyof Required<SecretStore>]: SecretStore[Member] | undefined };

/** Who writes such a value past Keyhold encrypts it, too: plaintext that is found there is not taken over. */
async function newerOfTheSameForm(newerThan: NonNullable<SecretStore['newerThan']>, reference: SecretReference): Promise<SecretReference | undefined> {
  const newer = await newerThan(reference);
  return newer === undefined ? undefined : marked(newer, reference);
}

function marked(reference: SecretReference, { legacy }: Pick<PutIntent, 'legacy'>): SecretReference {
  return legacy === undefined ? reference : { ...reference, legacy };
}
