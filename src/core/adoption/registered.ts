import { timingSafeEqual } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { KeyholdError } from '../../ports/errors.ts';
import type { CredentialRecord, CurrentVersion } from '../../ports/metadata/credentials.ts';
import { kindOf, secretNameText } from '../../ports/secret-store.ts';
import type { SecretFields } from '../../ports/secret-value.ts';
import { type Stores, storeOf } from '../credentials/store-errors.ts';
import { storedInWords } from '../credentials/stored-in.ts';
import type { Finding } from './finding.ts';

/**
 * Whether what was found is this very credential already. False where there is none yet. Throws `conflict` for everything between: whatever is there stays
 * as it is.
 */
export async function isRegistered(stores: Stores, record: CredentialRecord | undefined, finding: Finding): Promise<boolean> {
  if (record === undefined || record.state === 'new' || record.state === 'purged') return false;
  const { current, state } = record;
  const whose = secretNameText(record);
  if (state !== 'active' || current === null) {
    throw new KeyholdError('conflict', `The credential ${whose} was ${state} here, and adopting would bring it back. Purge it first, or store its key with PUT.`);
  }
  const { message } = storedInWords[kindOf(current.reference.store)];
  if (!(await isSameValue(stores, current, finding))) {
    throw new KeyholdError('conflict', `There is a credential ${whose} already, in ${message}, and it is not this one. It was left as it is.`);
  }
  if (!isDeepStrictEqual(current.settings, finding.settings)) {
    throw new KeyholdError('conflict', `There is a credential ${whose} already, in ${message}, with the same key and other settings. It was left as it is; PUT changes where a key is sent.`);
  }
  return true;
}

async function isSameValue(stores: Stores, { reference }: CurrentVersion, { value, plaintext }: Finding): Promise<boolean> {
  const store = storeOf(stores, reference.store);
  const { legacy, ...asKept } = reference;
  if ('reference' in value) {
    const { reference: found } = value;
    if (found.store === reference.store) return found.version === reference.version && found.legacy === legacy;
  } else if (legacy === value.form && areSame(await store.get(asKept), value.kept)) {
    return true;
  }
  // Perhaps it has been migrated since.
  return plaintext !== undefined && areSame(await store.get(reference), plaintext);
}

function areSame(some: SecretFields, others: SecretFields): boolean {
  const names = Object.keys(some);
  return names.length === Object.keys(others).length && names.every((name) => Object.hasOwn(others, name) && isSameText(some[name]?.reveal() ?? '', others[name]?.reveal() ?? ''));
}

function isSameText(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}
