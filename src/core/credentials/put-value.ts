import type { CredentialIntent, CredentialKey, CredentialRecord } from '../../ports/metadata/credentials.ts';
import type { Stored } from '../../ports/metadata/stored.ts';
import type { SecretReference, SecretStore } from '../../ports/secret-store.ts';
import type { Author } from './credential-events.ts';
import type { CredentialParts } from './credential-parts.ts';
import { putCommitted } from './record-changes.ts';
import { busy } from './record-writer.ts';
import type { Begin } from './value-writes.ts';

export interface ValuePut {
  readonly key: CredentialKey;
  readonly store: SecretStore;
  /** Opens the intent in the record. */
  readonly begin: Begin;
  readonly by: Author;
}

/** `before` as the intent found it; `ours`: it was this put that committed the version, and not somebody who found its intent. */
export interface PutDone {
  readonly before: CredentialRecord;
  readonly stored: Stored<CredentialRecord>;
  readonly ours: boolean;
}

/** Intent, put, commit, and everybody told. Throws what the store throws, and `conflict` when a revocation did not wait. */
export async function putValue(parts: CredentialParts, { key, store, begin, by }: ValuePut): Promise<PutDone> {
  const { writer, events, writes, step } = parts;
  const { record: before, intent, reference } = await writes.put(key, store, begin);
  await step('put.stored');
  const { stored, ours } = await commit(parts, key, store, intent, reference);
  await step('put.committed');
  await writer.announce(key, stored);
  await step('put.announced');
  if (ours) events.added(key, reference.store, by);
  return { before, stored, ours };
}

async function commit({ writer, writes, clock, limits }: CredentialParts, key: CredentialKey, store: SecretStore, intent: CredentialIntent, reference: SecretReference): Promise<Pick<PutDone, 'stored' | 'ours'>> {
  let ours = false;
  const stored = await writer.change(key, (record) => {
    ours = record.intent?.id === intent.id && record.intent.next !== null;
    return ours ? putCommitted(record, reference, clock.now(), limits.retireGraceMs) : undefined;
  });
  if (stored.record.current?.version !== intent.version) {
    await writes.discard(key, store, intent, reference);
    throw busy();
  }
  return { stored, ours };
}
