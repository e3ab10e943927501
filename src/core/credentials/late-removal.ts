import { asKeyholdError, KeyholdError } from '../../ports/errors.ts';
import type { CredentialKey, CredentialRecord } from '../../ports/metadata/credentials.ts';
import type { Stored } from '../../ports/metadata/stored.ts';
import type { SecretReference } from '../../ports/secret-store.ts';
import type { RecordWriter } from './record-writer.ts';
import { type Stores, storeOf } from './store-errors.ts';

export interface LateRemovalDependencies {
  readonly stores: Stores;
  readonly writer: Pick<RecordWriter, 'get' | 'announce'>;
}

/**
 * After a value was removed from its store's readers, with the record as it is then: whoever stood still before that may have come after others who finished the removal,
 * recovered the credential, and stored a newer key. Then what the record names is brought back: stores that remove a name remove every value under it. Throws what the store and the
 * database throw, in words that say what is left to do: nobody repeats it.
 */
export async function undoLateRemoval({ stores, writer }: LateRemovalDependencies, key: CredentialKey, { record }: Stored<CredentialRecord>, removed: SecretReference): Promise<void> {
  const reference = namedBy(record, removed.store);
  if (reference === undefined) return;
  const store = storeOf(stores, removed.store);
  await store.restore(reference).catch((error: unknown) => {
    throw notBroughtBack(error);
  });
  const later = await writer.get(key);
  // Who deleted it meanwhile may have removed it before it was brought back.
  if (later === undefined || namedBy(later.record, removed.store) === undefined) await store.remove(reference);
  else await writer.announce(key, later);
}

function notBroughtBack(cause: unknown): KeyholdError {
  const { code } = asKeyholdError(cause);
  return new KeyholdError(code, 'The credential was recovered while it was being deleted, and its value could not be brought back into the store. Store the key again with PUT.', { cause });
}

/** What is, or is about to be, in use of that store's. */
function namedBy({ state, current, intent }: CredentialRecord, store: string): SecretReference | undefined {
  const isUsed = state === 'active' || intent?.operation === 'restore';
  return isUsed && current?.reference.store === store ? current.reference : undefined;
}
