import { type CredentialRecord, RECOVERABLE_MS } from '../../ports/metadata/credentials.ts';

/**
 * From when on `dueForReconciling` names a record, milliseconds since the epoch; null: it has nothing to reconcile. An open intent
 * is due from the beginning of time, whichever its expiry: only the caller knows whether its writer is still at work.
 */
export function dueSince(record: CredentialRecord): number | null {
  if (record.intent !== null) return 0;
  const times = record.retired.map((version) => version.destroyAfter);
  if (record.state === 'active' && record.current?.home !== undefined) times.push(record.current.createdAt);
  if (record.state === 'deleted' && record.deletedAt !== null) times.push(record.deletedAt + RECOVERABLE_MS);
  return times.length === 0 ? null : Math.min(...times);
}
