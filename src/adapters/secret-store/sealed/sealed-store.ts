import { askedHealth } from '../../../core/outages/asked-health.ts';
import type { DataKeys } from '../../../core/crypto/data-keys.ts';
import { openValue, sealValue } from '../../../core/crypto/seal.ts';
import type { Clock, RandomBytes } from '../../../ports/clock.ts';
import { KeyholdError } from '../../../ports/errors.ts';
import type { SealedValueKey, SealedValueRecord, SealedValueRepository } from '../../../ports/metadata/sealed.ts';
import type { Stored } from '../../../ports/metadata/stored.ts';
import { platformScope } from '../../../ports/scope.ts';
import type { PutIntent, SecretName, SecretReference, SecretStore, StoreHealth } from '../../../ports/secret-store.ts';
import type { SecretFields } from '../../../ports/secret-value.ts';

const VERSION = /^[1-9]\d{0,14}$/;
/** Another writer can only remove, restore or destroy the same version; losing to that many in a row is not contention. */
const TRIES = 5;

export interface SealedStoreDependencies {
  readonly values: SealedValueRepository;
  readonly dataKeys: DataKeys;
  readonly clock: Clock;
  readonly random: RandomBytes;
}

/**
 * The embedded secret store: values sealed in the database (R3.5), one record for each version of a credential. The store's
 * version is the credential's. Create-only records make a put happen once; a probe that finds nothing closes the version, so that
 * a put which comes after its intent was given up is refused with `conflict` instead of leaving a value that nobody knows of.
 */
export function createSealedStore(dependencies: SealedStoreDependencies): SecretStore {
  return new SealedStore(dependencies);
}

class SealedStore implements SecretStore {
  readonly kind = 'sealed';
  readonly capabilities = { destroyVersion: true };
  readonly #values: SealedValueRepository;
  readonly #dataKeys: DataKeys;
  readonly #clock: Clock;
  readonly #random: RandomBytes;

  constructor({ values, dataKeys, clock, random }: SealedStoreDependencies) {
    this.#values = values;
    this.#dataKeys = dataKeys;
    this.#clock = clock;
    this.#random = random;
  }

  async put(name: SecretName, fields: SecretFields, intent: PutIntent): Promise<SecretReference> {
    const key = keyOf(name, intent.version);
    const kept = (await this.#values.get(key)) ?? (await this.#create(key, await this.#seal(name, fields, intent)));
    const reference = proof(name, intent, kept.record) ?? refuse();
    await this.#underLiveKey(key, kept, intent, async () => fields);
    return reference;
  }

  async get(reference: SecretReference): Promise<SecretFields> {
    for (let opened: string | undefined; ; ) {
      const { key, record } = await this.#kept(reference);
      if (record.removedAt !== null) throw notFound();
      try {
        return await this.#open(key, record);
      } catch (error) {
        // Who stands still in between may find its key destroyed, after the value was sealed anew under the next one.
        if (!hasCode(error, 'corrupt') || record.dataKeyId === opened) throw error;
        opened = record.dataKeyId;
      }
    }
  }

  async probe(name: SecretName, intent: PutIntent): Promise<SecretReference | undefined> {
    const key = keyOf(name, intent.version);
    const kept = (await this.#values.get(key)) ?? (await this.#create(key, closed(intent, this.#clock.now())));
    const reference = proof(name, intent, kept.record);
    if (reference === undefined) return undefined;
    // The writer may have died before it looked whether the key of its value is still live.
    if (await this.#underLiveKey(key, kept, intent, () => this.#open(key, kept.record))) return reference;
    await this.#values.replace(key, closed(intent, this.#clock.now()), kept.revision);
    return undefined;
  }

  remove(reference: SecretReference): Promise<void> {
    return this.#change(reference, async (key, { record, revision }) => {
      if (record.removedAt !== null) return;
      await this.#values.replace(key, { ...record, removedAt: this.#clock.now() }, revision);
    });
  }

  async restore(reference: SecretReference): Promise<void> {
    await this.#kept(reference);
    await this.#change(reference, async (key, { record, revision }) => {
      if (record.removedAt === null) return;
      await this.#values.replace(key, { ...record, removedAt: null }, revision);
    });
    await this.#kept(reference);
  }

  destroy(reference: SecretReference): Promise<void> {
    return this.#change(reference, (key, { revision }) => this.#values.remove(key, revision));
  }

  health(): Promise<StoreHealth> {
    return askedHealth(this.#clock, () => this.#values.get({ scope: platformScope, service: 'health', label: 'default', version: 0 }));
  }

  async #open(key: SealedValueKey, record: SealedValueRecord): Promise<SecretFields> {
    const dataKey = await this.#dataKeys.byId(key.scope, record.dataKeyId);
    return Object.fromEntries(Object.entries(record.fields).map(([field, sealed]) => [field, openValue(dataKey, { name: key, field, version: key.version }, sealed)]));
  }

  /** The record under the key: this one, or the one that came first. */
  async #create(key: SealedValueKey, record: SealedValueRecord): Promise<Stored<SealedValueRecord>> {
    try {
      return await this.#values.create(key, record);
    } catch (error) {
      if (!hasCode(error, 'already_exists')) throw error;
      return (await this.#values.get(key)) ?? refuse();
    }
  }

  /**
   * Seals what is kept again while the key that it is sealed under is about to go (see `DataKeys`). False when that is gone and the fields
   * with it. Throws `conflict` when somebody else changed the record meanwhile.
   */
  async #underLiveKey(key: SealedValueKey, kept: Stored<SealedValueRecord>, intent: PutIntent, fields: () => Promise<SecretFields>): Promise<boolean> {
    let stored = kept;
    for (let attempt = 1; attempt <= TRIES; attempt += 1) {
      const state = await this.#dataKeys.stateOf(key.scope, stored.record.dataKeyId);
      if (state === 'live') return true;
      let text: SecretFields;
      try {
        text = await fields();
      } catch (error) {
        if (hasCode(error, 'corrupt') && state === 'destroyed') return false;
        throw error;
      }
      const again = await this.#seal(key, text, intent);
      stored = await this.#values.replace(key, { ...again, removedAt: stored.record.removedAt }, stored.revision);
    }
    return refuse();
  }

  async #seal(name: SecretName, fields: SecretFields, intent: PutIntent): Promise<SealedValueRecord> {
    const dataKey = await this.#dataKeys.current(name.scope);
    const sealed = Object.entries(fields).map(([field, value]) => [field, sealValue(dataKey, { name, field, version: intent.version }, value, this.#random)]);
    return { intentId: intent.id, digest: intent.digest, dataKeyId: dataKey.id, fields: Object.fromEntries(sealed), removedAt: null };
  }

  /** The version's record. Throws `not_found` when there is none, or one that only closes the version. */
  async #kept(reference: SecretReference): Promise<{ readonly key: SealedValueKey; readonly record: SealedValueRecord }> {
    const key = keyOfReference(reference);
    const stored = key === undefined ? undefined : await this.#values.get(key);
    if (key === undefined || stored === undefined || isClosed(stored.record)) throw notFound();
    return { key, record: stored.record };
  }

  /** Applies a conditional write to what is kept, again when somebody else was faster. An absent version is left absent. */
  async #change(reference: SecretReference, write: (key: SealedValueKey, stored: Stored<SealedValueRecord>) => Promise<void>): Promise<void> {
    const key = keyOfReference(reference);
    if (key === undefined) return;
    for (let attempt = 1; ; attempt += 1) {
      const stored = await this.#values.get(key);
      if (stored === undefined || isClosed(stored.record)) return;
      try {
        await write(key, stored);
        return;
      } catch (error) {
        if (attempt === TRIES || !hasCode(error, 'conflict')) throw error;
      }
    }
  }
}

function keyOf({ scope, service, label }: SecretName, version: number): SealedValueKey {
  return { scope, service, label, version };
}

/** Undefined for a reference that this store has never given. */
function keyOfReference({ store, name, version }: SecretReference): SealedValueKey | undefined {
  return store === 'sealed' && VERSION.test(version) ? keyOf(name, Number(version)) : undefined;
}

function referenceTo(name: SecretName, intent: PutIntent): SecretReference {
  return { store: 'sealed', name, version: String(intent.version) };
}

/** The reference, if the record is what the put of this intent made. */
function proof(name: SecretName, intent: PutIntent, record: SealedValueRecord): SecretReference | undefined {
  return !isClosed(record) && record.intentId === intent.id && record.digest === intent.digest ? referenceTo(name, intent) : undefined;
}

/** Takes the version's place without a value, for ever: versions are never used again. */
function closed(intent: PutIntent, now: number): SealedValueRecord {
  return { intentId: intent.id, digest: '', dataKeyId: '', fields: {}, removedAt: now };
}

function isClosed(record: SealedValueRecord): boolean {
  return record.dataKeyId === '';
}

function refuse(): never {
  throw new KeyholdError('conflict', 'Another write of this credential came first, or this one was given up because it took too long. Send it again.');
}

function notFound(): KeyholdError {
  return new KeyholdError('not_found', 'The encrypted database keeps no value under this version.');
}

function hasCode(error: unknown, code: KeyholdError['code']): boolean {
  return error instanceof KeyholdError && error.code === code;
}
