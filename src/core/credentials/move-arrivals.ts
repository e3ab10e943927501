import type { Clock } from '../../ports/clock.ts';
import { asKeyholdError, KeyholdError } from '../../ports/errors.ts';
import type { CredentialIntent, CredentialKey, CredentialRecord } from '../../ports/metadata/credentials.ts';
import type { Stored } from '../../ports/metadata/stored.ts';
import type { SecretReference, SecretStore } from '../../ports/secret-store.ts';
import type { CredentialEvents } from './credential-events.ts';
import type { CredentialLimits } from './limits.ts';
import { movedTo } from './record-changes.ts';
import { busy, type RecordWriter } from './record-writer.ts';
import type { StepHook } from './steps.ts';
import { type Stores, storeOf } from './store-errors.ts';
import type { ValueWrites } from './value-writes.ts';

export interface MoveArrivalsDependencies {
  readonly writer: RecordWriter;
  readonly writes: ValueWrites;
  readonly stores: Stores;
  readonly events: CredentialEvents;
  readonly clock: Clock;
  readonly limits: CredentialLimits;
  readonly step: StepHook;
}

/** The second half of a move, for whoever began it and for whoever finishes it: the value lies in the new place. */
export class MoveArrivals {
  readonly #dependencies: MoveArrivalsDependencies;

  constructor(dependencies: MoveArrivalsDependencies) {
    this.#dependencies = dependencies;
  }

  /**
   * Reads the value back and looks whether it is the one that was sent; only then the record names the new place and the old one leaves use.
   * Throws `corrupt` where it is another or cannot be opened, after what arrived has been destroyed; `conflict` when the credential was revoked meanwhile.
   */
  async commit(key: CredentialKey, intent: CredentialIntent, reference: SecretReference): Promise<Stored<CredentialRecord>> {
    const { writer, writes, stores, events, clock, limits, step } = this.#dependencies;
    const store = storeOf(stores, intent.store);
    const old = (await writer.get(key))?.record.current?.reference;
    if (old === undefined) throw new KeyholdError('internal', 'A credential without a version cannot be moved.');
    const { sealed, ...asKept } = reference;
    const arrived = writes.isOf(key, intent, await store.get(asKept));
    // What was sealed has to open, too, before the value that it was sealed from goes.
    const opens = sealed === undefined || !arrived || (await opened(store, reference));
    if (!arrived || !opens) {
      await writes.discard(key, store, intent, reference);
      throw new KeyholdError('corrupt', 'A value that was moved to another store was not the same when it was read back. It stays where it was.');
    }
    await step('move.verified');
    let ours = false;
    const stored = await writer.change(key, (record) => {
      ours = isStillUnderWay(record, intent, old);
      return ours ? movedTo(record, reference, clock.now(), limits.retireGraceMs) : undefined;
    });
    await step('move.committed');
    if (stored.record.current === null || !isAt(stored.record.current.reference, reference)) {
      await writes.discard(key, store, intent, reference);
      throw busy();
    }
    await writer.announce(key, stored);
    await step('move.announced');
    if (ours) events.moved(key, old.store, reference.store);
    return stored;
  }
}

/** False where it never will: its data key is gone, as of a tenant that was shredded meanwhile. */
async function opened(store: SecretStore, reference: SecretReference): Promise<boolean> {
  try {
    await store.get(reference);
    return true;
  } catch (error) {
    if (asKeyholdError(error).code === 'corrupt') return false;
    throw error;
  }
}

function isStillUnderWay({ intent, current }: CredentialRecord, { id }: CredentialIntent, old: SecretReference): boolean {
  return intent?.id === id && intent.operation === 'move' && current !== null && isAt(current.reference, old);
}

function isAt(a: SecretReference, b: SecretReference): boolean {
  return a.store === b.store && a.version === b.version;
}
