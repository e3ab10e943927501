import type { RandomBytes } from '../../ports/clock.ts';
import { KeyholdError } from '../../ports/errors.ts';
import { type PutIntent, type SealedFields, type SecretName, type SecretReference, type SecretStore, StoreUntouched } from '../../ports/secret-store.ts';
import { type SecretFields, SecretValue } from '../../ports/secret-value.ts';
import type { DataKeys } from '../crypto/data-keys.ts';
import { isSealedUnder, openValue, sealValue } from '../crypto/seal.ts';
import { storeAround } from './store-around.ts';

export interface SealingDependencies {
  readonly dataKeys: DataKeys;
  readonly random: RandomBytes;
  /** New values are sealed (`KEYHOLD_SEAL_BEFORE_STORE`). Those that were, are opened in any case. */
  readonly sealsNew: boolean;
}

/**
 * A store that gets values sealed under their tenant's own data key, or the platform's (R3.6): a copy of the store alone is useless, and with the data key the values are
 * gone. What is sealed is known by its reference, never by its looks. A put is proven by what lies in the store, as everywhere, so its intent is made for the
 * sealed fields: whoever puts, calls `seal` first.
 */
export function sealedBefore(store: SecretStore, sealing: SealingDependencies): SecretStore {
  const [newerThan, newest] = [store.newerThan?.bind(store), store.newest?.bind(store)];
  return storeAround(store, {
    put: async (name, fields, intent, notes) => {
      await requireLiveKey(sealing, name, intent);
      return marked(await store.put(name, fields, intent, notes), intent);
    },
    get: async (reference) => open(sealing, reference, await store.get(reference)),
    probe: async (name, intent) => {
      const proven = await store.probe(name, intent);
      return proven === undefined ? undefined : marked(proven, intent);
    },
    ...(newerThan === undefined ? {} : { newerThan: (reference) => newerOf(store, newerThan, sealing, reference) }),
    ...(newest === undefined ? {} : { newest: (name) => newestOf(store, newest, sealing, name) }),
    ...(sealing.sealsNew ? { seal: (name, version, fields) => seal(sealing, name, version, fields) } : {}),
  });
}

/**
 * The intent that names the key is in the record by now: a rotation that retires the key later finds it there, and one that did so before is
 * found here. So no value arrives under a key that is destroyed.
 */
async function requireLiveKey({ dataKeys }: SealingDependencies, { scope }: SecretName, { sealedUnder }: PutIntent): Promise<void> {
  if (sealedUnder === undefined || (await dataKeys.stateOf(scope, sealedUnder)) === 'live') return;
  throw new StoreUntouched('New data keys were being made just then. Nothing was changed; send the request again.', { retryAfterSeconds: 1 });
}

async function seal({ dataKeys, random }: SealingDependencies, name: SecretName, version: number, fields: SecretFields): Promise<SealedFields> {
  const dataKey = await dataKeys.current(name.scope);
  const sealed = Object.entries(fields).map(([field, value]) => [field, new SecretValue(sealValue(dataKey, { name, field, version }, value, random))] as const);
  return { fields: Object.fromEntries(sealed), sealedUnder: dataKey.id };
}

/** Throws `corrupt` when what is kept was changed, or the data key is gone. */
async function open({ dataKeys }: SealingDependencies, { name, sealed }: SecretReference, kept: SecretFields): Promise<SecretFields> {
  if (sealed === undefined) return kept;
  const dataKey = await dataKeys.byId(name.scope, sealed.dataKeyId);
  return Object.fromEntries(Object.entries(kept).map(([field, value]) => [field, openValue(dataKey, { name, field, version: sealed.version }, value.reveal())]));
}

/**
 * Who writes past Keyhold into such a store cannot seal: what is found there is plaintext. But it may be one of our own values, put back by hand, and that is never
 * taken for a key: it opens in its own place, or is `corrupt`.
 */
async function newerOf(store: SecretStore, newerThan: NonNullable<SecretStore['newerThan']>, sealing: SealingDependencies, reference: SecretReference): Promise<SecretReference | undefined> {
  const newer = await newerThan(reference);
  if (newer === undefined || reference.sealed === undefined) return newer;
  return (await isOurs(sealing, newer.name, await store.get(newer))) ? { ...newer, sealed: reference.sealed } : newer;
}

/** Throws `corrupt` for a sealed value: without the record that knows its version it cannot be opened. */
async function newestOf(store: SecretStore, newest: NonNullable<SecretStore['newest']>, sealing: SealingDependencies, name: SecretName): Promise<SecretReference | undefined> {
  const found = await newest(name);
  if (found !== undefined && (await isOurs(sealing, name, await store.get(found)))) {
    throw new KeyholdError('corrupt', 'What lies there was sealed by Keyhold before it was stored (KEYHOLD_SEAL_BEFORE_STORE), and opens only for the credential that it was stored for. Store the key again with PUT.');
  }
  return found;
}

async function isOurs({ dataKeys }: SealingDependencies, { scope }: SecretName, fields: SecretFields): Promise<boolean> {
  const keys = await dataKeys.all(scope);
  return Object.values(fields).some((value) => keys.some((key) => isSealedUnder(key, value.reveal())));
}

function marked(reference: SecretReference, { sealedUnder, version }: PutIntent): SecretReference {
  return sealedUnder === undefined ? reference : { ...reference, sealed: { dataKeyId: sealedUnder, version } };
}
