import type { Clock } from '../../ports/clock.ts';
import { asKeyholdError, KeyholdError } from '../../ports/errors.ts';
import type { CredentialIntent, CredentialKey, CredentialRecord } from '../../ports/metadata/credentials.ts';
import type { Stored } from '../../ports/metadata/stored.ts';
import type { SecretReference } from '../../ports/secret-store.ts';
import type { Author, CredentialEvents } from './credential-events.ts';
import { undoLateRemoval } from './late-removal.ts';
import type { CredentialLimits } from './limits.ts';
import type { MoveArrivals } from './move-arrivals.ts';
import { expecting, intentClosed, purged, putCommitted, putGivenUp, restored } from './record-changes.ts';
import type { RecordWriter } from './record-writer.ts';
import type { StepHook } from './steps.ts';
import { type Stores, storeOf } from './store-errors.ts';

export interface IntentFinisherDependencies {
  readonly writer: RecordWriter;
  readonly stores: Stores;
  readonly events: CredentialEvents;
  readonly arrivals: MoveArrivals;
  readonly clock: Clock;
  readonly limits: CredentialLimits;
  readonly step: StepHook;
}

/**
 * Finishes what a writer left open: a put that the store proves is rolled forward, or destroyed where a revocation gave it up; one
 * that never happened is undone, and likewise a move; a removal and a recovery, which can be repeated, are repeated. For intents whose writer is known to be gone (expired, or a dead process's).
 */
export class IntentFinisher {
  readonly #writer: RecordWriter;
  readonly #stores: Stores;
  readonly #events: CredentialEvents;
  readonly #arrivals: MoveArrivals;
  readonly #clock: Clock;
  readonly #limits: CredentialLimits;
  readonly #step: StepHook;

  constructor({ writer, stores, events, arrivals, clock, limits, step }: IntentFinisherDependencies) {
    this.#writer = writer;
    this.#stores = stores;
    this.#events = events;
    this.#arrivals = arrivals;
    this.#clock = clock;
    this.#limits = limits;
    this.#step = step;
  }

  /** The record afterwards, without this intent unless it changed meanwhile. Throws what the store throws; then the intent stays open. */
  async finish(key: CredentialKey, { record }: Stored<CredentialRecord>): Promise<Stored<CredentialRecord>> {
    const { intent } = record;
    if (intent === null) throw new KeyholdError('internal', 'There is no open intent to finish.');
    if (intent.operation === 'put' || intent.operation === 'move') return this.#finishPut(key, intent);
    if (intent.operation === 'restore') return this.#finishRestore(key, intent, requireReference(record));
    const reference = requireReference(record);
    await storeOf(this.#stores, intent.store).remove(reference);
    const removed = await this.#close(key, intent, intentClosed);
    await undoLateRemoval({ stores: this.#stores, writer: this.#writer }, key, removed, reference);
    return removed;
  }

  async #finishPut(key: CredentialKey, intent: CredentialIntent): Promise<Stored<CredentialRecord>> {
    const store = storeOf(this.#stores, intent.store);
    const reference = await store.probe(key, intent);
    if (reference === undefined) {
      const moved = await store.giveUp?.(key, intent);
      const trace = store.traceOf?.(key, intent);
      const now = this.#clock.now();
      return this.#close(key, intent, (record) => {
        const closed = putGivenUp(record, moved, now, this.#limits.retireGraceMs);
        return trace === undefined ? closed : expecting(closed, trace, intent.version, now + this.#limits.latePutMs);
      });
    }
    if (intent.next === null) {
      await store.destroy(reference);
      return this.#close(key, intent, intentClosed);
    }
    if (intent.operation === 'move') {
      await this.#step('finish.stored');
      const arrived = await this.#arrivals.commit(key, intent, reference);
      await this.#step('finish.committed');
      return arrived;
    }
    let committed = false;
    const finished = await this.#close(key, intent, (record) => {
      // Revoked since: what has been proven is to be destroyed, the next time this is called.
      committed = record.intent?.next !== null;
      return committed ? putCommitted(record, reference, this.#clock.now(), this.#limits.retireGraceMs) : undefined;
    });
    if (committed && finished.record.current?.version === intent.version) this.#events.added(key, intent.store, { id: intent.next.createdBy, requestId: null });
    return finished;
  }

  async #finishRestore(key: CredentialKey, intent: CredentialIntent, reference: SecretReference): Promise<Stored<CredentialRecord>> {
    try {
      await storeOf(this.#stores, intent.store).restore(reference);
    } catch (error) {
      if (asKeyholdError(error).code !== 'not_found') throw error;
      return this.#close(key, intent, (record) => purged(record, this.#clock.now()));
    }
    let back = false;
    const finished = await this.#close(key, intent, (record) => {
      back = true;
      return restored(record, this.#clock.now());
    });
    if (back) this.#events.added(key, intent.store, finisher);
    return finished;
  }

  /** Only while the intent is still the record's: its writer, or another finisher, may have been faster. */
  async #close(key: CredentialKey, intent: CredentialIntent, finish: (record: CredentialRecord) => CredentialRecord | undefined): Promise<Stored<CredentialRecord>> {
    await this.#step('finish.stored');
    const finished = await this.#writer.change(key, (record) => (record.intent?.id === intent.id ? finish(record) : undefined));
    await this.#step('finish.committed');
    await this.#writer.announce(key, finished);
    return finished;
  }
}

/** Who asked for a recovery is not kept in its intent; the audit log has it. */
const finisher: Author = { id: 'reconcile', requestId: null };

function requireReference({ current }: CredentialRecord): SecretReference {
  if (current === null) throw new KeyholdError('internal', 'A credential without a version cannot be removed or recovered.');
  return current.reference;
}
