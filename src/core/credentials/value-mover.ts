import { KeyholdError } from '../../ports/errors.ts';
import type { CredentialIntent, CredentialKey, CredentialRecord, CurrentVersion } from '../../ports/metadata/credentials.ts';
import type { Stored } from '../../ports/metadata/stored.ts';
import type { SecretStore } from '../../ports/secret-store.ts';
import type { SecretFields } from '../../ports/secret-value.ts';
import type { CredentialParts } from './credential-parts.ts';
import { begun, homeOf } from './record-changes.ts';
import { busy } from './record-writer.ts';
import { storeOf } from './store-errors.ts';
import type { OpenWrite } from './value-writes.ts';

/** What is moved, and where to. */
interface Load {
  readonly from: CurrentVersion;
  readonly to: SecretStore;
  readonly fields: SecretFields;
  /** Whether the record still asks for it. */
  readonly isWanted: (record: CredentialRecord) => boolean;
}

/**
 * Moves a live value into the store where it belongs: intent, put, reading back, commit. It serves from the old place until the commit and
 * is destroyed there only after it. A crash leaves an intent that says how to go on, and nobody else writes while it is open.
 */
export class ValueMover {
  readonly #parts: CredentialParts;

  constructor(parts: CredentialParts) {
    this.#parts = parts;
  }

  /** To the store that was to take it. The record afterwards. Throws what the stores throw, and `conflict` when somebody else wrote the record meanwhile. */
  async moveHome(key: CredentialKey, { record }: Stored<CredentialRecord>): Promise<Stored<CredentialRecord>> {
    const { stores } = this.#parts;
    const { current } = record;
    const home = homeOf(record);
    if (current === null || home === undefined) throw new KeyholdError('internal', 'A credential without another home cannot be moved there.');
    const fields = await storeOf(stores, current.reference.store).get(current.reference);
    return this.#move(key, { from: current, to: storeOf(stores, home), fields, isWanted: (now) => homeOf(now) === home });
  }

  /** What an earlier system has encrypted, as these fields, which have been read from there. The record and the errors as of `moveHome`. */
  moveLegacy(key: CredentialKey, from: CurrentVersion, fields: SecretFields, to: SecretStore): Promise<Stored<CredentialRecord>> {
    return this.#move(key, { from, to, fields, isWanted: ({ state }) => state === 'active' });
  }

  async #move(key: CredentialKey, load: Load): Promise<Stored<CredentialRecord>> {
    const { writes, arrivals, step } = this.#parts;
    const { intent, reference } = await writes.put(key, load.to, (base) => this.#begin(key, load, base));
    await step('move.stored');
    return arrivals.commit(key, intent, reference);
  }

  async #begin(key: CredentialKey, { from, to, fields, isWanted }: Load, base: string | null | undefined): Promise<OpenWrite> {
    const { writer, writes, clock, step } = this.#parts;
    const startedAt = clock.monotonic();
    const before = await writer.get(key);
    // The fields are those of exactly this version.
    if (before === undefined || before.record.intent !== null || !isWanted(before.record) || !isAt(before.record.current, from)) throw busy();
    const { record } = before;
    const { intent, kept } = await writes.intentFor(record, { operation: 'move', store: to, fields, next: sameVersion(record, from), base });
    await writer.write(key, before, begun(record, intent));
    await step('move.begun');
    return { record, intent, kept, startedAt };
  }
}

function isAt(current: CurrentVersion | null, { reference }: CurrentVersion): boolean {
  return current !== null && current.reference.store === reference.store && current.reference.version === reference.version;
}

function sameVersion({ expiresAt, offerTo }: CredentialRecord, { reference: _place, home: _home, ...content }: CurrentVersion): CredentialIntent['next'] {
  return { ...content, expiresAt, offerTo };
}
