import type { RandomBytes } from '../../ports/clock.ts';
import { asKeyholdError, KeyholdError } from '../../ports/errors.ts';
import { type CredentialIntent, type CredentialKey, type CredentialRecord, RECOVERABLE_MS } from '../../ports/metadata/credentials.ts';
import type { Stored } from '../../ports/metadata/stored.ts';
import type { IfMatch } from '../versions/etag.ts';
import type { Author } from './credential-events.ts';
import type { CredentialParts } from './credential-parts.ts';
import { requireMatchingCredential } from './credential-view.ts';
import { undoLateRemoval } from './late-removal.ts';
import { nameIntent } from './name-intent.ts';
import { begun, deleted, intentClosed, purged, restored, revoked } from './record-changes.ts';
import { busy, noCredential } from './record-writer.ts';
import { settledRecord } from './settled-record.ts';
import { certainlyNothingHappened, storeOf } from './store-errors.ts';

/**
 * Taking keys out of use, and back (R3.7). The record comes first, so that a key is out of use at once whatever the store does; what
 * the store could not do at once, the reconciler repeats.
 */
export class CredentialLifecycle {
  readonly #parts: CredentialParts;
  readonly #random: RandomBytes;

  constructor({ parts, random }: { readonly parts: CredentialParts; readonly random: RandomBytes }) {
    this.#parts = parts;
    this.#random = random;
  }

  async remove(key: CredentialKey, ifMatch: IfMatch | undefined, by: Author): Promise<CredentialRecord> {
    const { writer, stores, clock, events, step } = this.#parts;
    const before = await settledRecord(this.#parts, key);
    requireMatchingCredential(ifMatch, before?.record);
    const current = before?.record.current;
    if (before?.record.state === 'revoked') {
      throw new KeyholdError('not_found', 'The credential was revoked: there is no key left to delete. PUT stores a new one.');
    }
    if (before?.record.state !== 'active' || current === null || current === undefined) throw noCredential(key);
    const intent = nameIntent('remove', current, this.#parts, this.#random);
    const gone = await writer.write(key, before, deleted(before.record, intent, clock.now()));
    await step('remove.begun');
    await writer.announce(key, gone);
    await step('remove.announced');
    events.removed(key, current.reference.store, by);
    try {
      await storeOf(stores, current.reference.store).remove(current.reference);
    } catch (error) {
      this.#left(key, error);
      return gone.record;
    }
    await step('remove.stored');
    const after = await this.#close(key, intent, intentClosed);
    await undoLateRemoval({ stores, writer }, key, after, current.reference);
    await step('remove.committed');
    return gone.record;
  }

  async recover(key: CredentialKey, by: Author): Promise<CredentialRecord> {
    const { writer, stores, clock, events, step } = this.#parts;
    const before = await settledRecord(this.#parts, key);
    const current = before?.record.current;
    if (before === undefined || current === null || current === undefined || before.record.state === 'purged') throw noCredential(key);
    if (before.record.state !== 'deleted') {
      throw new KeyholdError('conflict', `The credential is ${before.record.state}. Only a deleted one can be recovered.`);
    }
    if (clock.now() >= (before.record.deletedAt ?? 0) + RECOVERABLE_MS) {
      throw new KeyholdError('not_found', 'The credential was deleted more than 30 days ago and cannot be recovered. PUT stores the key again.');
    }
    const intent = nameIntent('restore', current, this.#parts, this.#random);
    await writer.write(key, before, begun(before.record, intent));
    await step('recover.begun');
    try {
      await storeOf(stores, current.reference.store).restore(current.reference);
    } catch (error) {
      await this.#recoveryFailed(key, intent, error);
      throw error;
    }
    await step('recover.stored');
    const back = await this.#close(key, intent, (record) => restored(record, clock.now()));
    await step('recover.committed');
    await writer.announce(key, back);
    if (back.record.state !== 'active') {
      throw new KeyholdError('conflict', `The credential was ${back.record.state} while it was being recovered. It stays ${back.record.state}.`);
    }
    events.added(key, current.reference.store, by);
    return back.record;
  }

  /** Does not wait for a write that is open: that write fails, and what it put into the store is destroyed. */
  async revoke(key: CredentialKey, reason: string | null, by: Author): Promise<CredentialRecord> {
    const { writer, clock, events, step } = this.#parts;
    let served = false;
    const gone = await writer.change(key, (record) => {
      served = record.state === 'active';
      if (record.state === 'new' || record.state === 'purged') throw noCredential(key);
      return record.state === 'revoked' && (record.intent?.next ?? null) === null ? undefined : revoked(record, clock.now(), reason);
    });
    await step('revoke.committed');
    await writer.announce(key, gone);
    await step('revoke.announced');
    if (served && gone.record.current !== null) events.removed(key, gone.record.current.reference.store, by);
    await this.#clear(key, gone);
    return gone.record;
  }

  async purge(key: CredentialKey): Promise<CredentialRecord> {
    const { writer, clock, step } = this.#parts;
    const before = await settledRecord(this.#parts, key);
    if (before === undefined) throw noCredential(key);
    const gone = await writer.change(key, (record) => {
      if (record.state === 'new' || record.state === 'purged') throw noCredential(key);
      // Begun since: purging would forget what it is about to put into the store, or bring back there.
      if (record.intent !== null) throw busy();
      if (record.state === 'active') throw new KeyholdError('conflict', 'The credential is in use. Delete it first; then it can be purged.');
      return purged(record, clock.now());
    });
    await step('purge.committed');
    await writer.announce(key, gone);
    await step('purge.announced');
    await this.#clear(key, gone);
    return gone.record;
  }

  #close(key: CredentialKey, intent: CredentialIntent, finish: (record: CredentialRecord) => CredentialRecord): Promise<Stored<CredentialRecord>> {
    return this.#parts.writer.change(key, (record) => (record.intent?.id === intent.id ? finish(record) : undefined));
  }

  async #recoveryFailed(key: CredentialKey, intent: CredentialIntent, error: unknown): Promise<void> {
    if (!certainlyNothingHappened(error)) return;
    const gone = asKeyholdError(error).code === 'not_found';
    await this.#close(key, intent, (record) => (gone ? purged(record, this.#parts.clock.now()) : intentClosed(record)));
  }

  /** What cannot be destroyed now stays listed in the record. The record afterwards may be another writer's already. */
  async #clear(key: CredentialKey, gone: Stored<CredentialRecord>): Promise<void> {
    try {
      await this.#parts.leftovers.clear(key, gone);
    } catch (error) {
      this.#left(key, error);
    }
  }

  #left({ service, label, scope }: CredentialKey, error: unknown): void {
    this.#parts.log.warn('credential_removal_pending', 'A credential is out of use, but its store could not remove the value yet; this is repeated', {
      ...(scope.kind === 'tenant' ? { tenantId: scope.tenant } : {}),
      service,
      label,
      error,
    });
  }
}
