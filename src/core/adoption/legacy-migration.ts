import { KeyholdError } from '../../ports/errors.ts';
import type { CredentialKey, CredentialRecord, CurrentVersion } from '../../ports/metadata/credentials.ts';
import { kindOf, type LegacyForm, type StoreKind } from '../../ports/secret-store.ts';
import type { SecretFields } from '../../ports/secret-value.ts';
import type { Grant } from '../access/grant.ts';
import { credentialKey } from '../credentials/credential-key.ts';
import type { CredentialParts } from '../credentials/credential-parts.ts';
import { type Placement, placementFor } from '../credentials/credential-put.ts';
import { isThere } from '../credentials/credential-view.ts';
import { textsOf } from '../credentials/fields-text.ts';
import { handOver } from '../credentials/hand-over.ts';
import type { LegacyReader } from '../credentials/legacy-reader.ts';
import { noCredential } from '../credentials/record-writer.ts';
import { settledRecord } from '../credentials/settled-record.ts';
import { storeOf, withoutOurRefusal } from '../credentials/store-errors.ts';
import { ValueMover } from '../credentials/value-mover.ts';

export interface LegacyMigrationDependencies {
  readonly parts: CredentialParts;
  /** Takes what is migrated, as it takes new values (R0.5). */
  readonly placement: Placement;
  readonly legacy: LegacyReader;
}

export interface MigrationOutcome {
  /** `migratable` in a preview alone; `already`: no earlier system has encrypted it, or it has been migrated. */
  readonly outcome: 'migratable' | 'migrated' | 'already';
  /** Where it lies afterwards, or would. */
  readonly storedIn: StoreKind;
  /** How it was encrypted, where it was. */
  readonly legacy?: LegacyForm;
  /** False: nothing proved that the value is as it was written. */
  readonly authenticated: boolean;
  readonly hints: Readonly<Record<string, string>>;
  readonly warnings: readonly string[];
}

/** A live credential as an earlier system has encrypted it, opened. */
interface Opened {
  readonly current: CurrentVersion;
  readonly form: LegacyForm;
  readonly fields: SecretFields;
  readonly found: Pick<MigrationOutcome, 'legacy' | 'authenticated' | 'hints' | 'warnings'>;
}

/** Rewrites what an earlier system has encrypted into the store for new keys, one credential at a time (R3.4). */
export class LegacyMigration {
  readonly #parts: CredentialParts;
  readonly #placement: Placement;
  readonly #legacy: LegacyReader;
  readonly #mover: ValueMover;

  constructor({ parts, placement, legacy }: LegacyMigrationDependencies) {
    this.#parts = parts;
    this.#placement = placement;
    this.#legacy = legacy;
    this.#mover = new ValueMover(parts);
  }

  /** What `migrate` would do. Throws what it would throw before it writes anything. */
  async preview(grant: Grant): Promise<MigrationOutcome> {
    const key = credentialKey(grant.use('credential.preview'));
    return translated(async () => {
      const record = this.#live(key, (await this.#parts.writer.get(key))?.record);
      const opened = await this.#open(key, record);
      return opened === undefined ? this.#already(record) : { outcome: 'migratable', storedIn: (await placementFor(this.#placement, key.scope)).store.kind, ...opened.found };
    });
  }

  /**
   * The old value serves until the new one has been read back, and leaves use then. Repeating it changes nothing. Throws `not_found` where there is no live
   * credential, `corrupt` for what cannot be read, `conflict` while a write is open, and `unavailable` while a store cannot be asked.
   */
  async migrate(grant: Grant): Promise<MigrationOutcome> {
    const key = credentialKey(grant.use('credential.migrate'));
    return translated(async () => {
      const record = this.#live(key, (await settledRecord(this.#parts, key))?.record);
      const opened = await this.#open(key, record);
      if (opened === undefined) return this.#already(record);
      const { store } = await placementFor(this.#placement, key.scope);
      await this.#mover.moveLegacy(key, opened.current, opened.fields, store);
      return { outcome: 'migrated', storedIn: store.kind, ...opened.found };
    });
  }

  #live(key: CredentialKey, record: CredentialRecord | undefined): CredentialRecord {
    this.#parts.catalog.get(key.service);
    if (record === undefined || !isThere(record)) throw noCredential(key);
    if (record.state !== 'active') throw new KeyholdError('conflict', `The credential is ${record.state}, so its value is on its way out and stays as it is.`);
    return record;
  }

  /** undefined: it is not marked. */
  async #open(key: CredentialKey, { current }: CredentialRecord): Promise<Opened | undefined> {
    const form = current?.reference.legacy;
    if (current === null || form === undefined) return undefined;
    const fields = await storeOf(this.#parts.stores, current.reference.store).get(current.reference);
    const { hints, warnings } = handOver(this.#parts.catalog.get(key.service), textsOf(fields));
    const found = { legacy: form, authenticated: this.#legacy.isAuthenticated(form), hints: Object.fromEntries(hints.map(({ name, hint }) => [name, hint])), warnings };
    return { current: { ...current, fields: hints }, form, fields, found };
  }

  #already({ current }: CredentialRecord): MigrationOutcome {
    const hints = Object.fromEntries((current?.fields ?? []).map(({ name, hint }) => [name, hint]));
    return { outcome: 'already', storedIn: current === null ? this.#placement.store.kind : kindOf(current.reference.store), authenticated: true, hints, warnings: [] };
  }
}

async function translated<T>(work: () => Promise<T>): Promise<T> {
  return work().catch((error: unknown) => {
    throw withoutOurRefusal(error);
  });
}
