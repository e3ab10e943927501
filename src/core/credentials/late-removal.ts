import type { CredentialRecord } from '../../ports/metadata/credentials.ts';
import type { SecretReference } from '../../ports/secret-store.ts';
import { type Stores, storeOf } from './store-errors.ts';

/**
 * After a value was removed from its store's readers, with the record as it is then: whoever stood still before that may have come after others who finished the removal and
 * recovered the credential. Then the value is brought back. Throws what the store throws.
 */
export async function undoLateRemoval(stores: Stores, { state, current, intent }: CredentialRecord, removed: SecretReference): Promise<void> {
  const isSame = current?.reference.store === removed.store && current.reference.version === removed.version;
  if (isSame && (state === 'active' || intent?.operation === 'restore')) await storeOf(stores, removed.store).restore(removed);
}
