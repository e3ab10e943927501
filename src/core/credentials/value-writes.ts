import type { Clock, RandomBytes } from '../../ports/clock.ts';
import { asKeyholdError, KeyholdError } from '../../ports/errors.ts';
import type { Log } from '../../ports/log.ts';
import type { CredentialIntent, CredentialKey, CredentialRecord } from '../../ports/metadata/credentials.ts';
import { idOf, type SecretReference, type SecretStore } from '../../ports/secret-store.ts';
import type { SecretFields } from '../../ports/secret-value.ts';
import { credentialDigest } from './credential-digest.ts';
import { subjectFields } from './credential-events.ts';
import type { CredentialLimits } from './limits.ts';
import { intentClosed } from './record-changes.ts';
import type { RecordWriter } from './record-writer.ts';
import { certainlyNothingHappened } from './store-errors.ts';

export interface ValueWritesDependencies {
  readonly writer: RecordWriter;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits: CredentialLimits;
  readonly random: RandomBytes;
  /** 32 bytes; digests over fields are keyed with it. */
  readonly digestKey: Buffer;
}

/** An open intent, and the record as it was before. */
export interface OpenWrite {
  readonly record: CredentialRecord;
  readonly intent: CredentialIntent;
  /** The fields as the store is to keep them. */
  readonly kept: SecretFields;
  /** By the monotonic clock. */
  readonly startedAt: number;
}

export interface IntentRequest {
  readonly operation: 'put' | 'move';
  /** The store that the value goes to. */
  readonly store: SecretStore;
  readonly fields: SecretFields;
  readonly next: CredentialIntent['next'];
  /** What to build on there, other than what the record says. */
  readonly base?: string | null | undefined;
}

/** An intent that is not in the record yet, and the fields that it is for, as the store is to keep them. */
export type IntendedWrite = Pick<OpenWrite, 'intent' | 'kept'>;

/** Opens the intent in the record: on what the record says is in the store, or on this base. */
export type Begin = (base?: string | null) => Promise<OpenWrite>;

/** Putting a value into a store under an open intent, so that it happens once or never, and somebody else can finish it. */
export class ValueWrites {
  readonly #writer: RecordWriter;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #limits: CredentialLimits;
  readonly #random: RandomBytes;
  readonly #digestKey: Buffer;

  constructor({ writer, clock, log, limits, random, digestKey }: ValueWritesDependencies) {
    this.#writer = writer;
    this.#clock = clock;
    this.#log = log;
    this.#limits = limits;
    this.#random = random;
    this.#digestKey = digestKey;
  }

  /** The intent to write the record's next version number into the store, sealed before where that is wanted (R3.6). */
  async intentFor(record: CredentialRecord, { operation, store, fields, next, base }: IntentRequest): Promise<IntendedWrite> {
    const { scope, service, label } = record;
    const version = record.version + 1;
    const sealed = await store.seal?.({ scope, service, label }, version, fields);
    const kept = sealed?.fields ?? fields;
    const intent: CredentialIntent = {
      id: this.#random(16).toString('hex'),
      operation,
      store: idOf(store),
      version,
      cas: base === undefined ? baseIn(record, store) : base,
      digest: credentialDigest(this.#digestKey, record, version, kept),
      ...(sealed === undefined ? {} : { sealedUnder: sealed.sealedUnder }),
      next,
      expires: this.#clock.now() + this.#limits.intentMs,
    };
    return { intent, kept };
  }

  /** Whether these, as the store keeps them, are the fields that the intent was made for. */
  isOf(key: CredentialKey, { version, digest }: CredentialIntent, fields: SecretFields): boolean {
    return credentialDigest(this.#digestKey, key, version, fields) === digest;
  }

  /**
   * Puts what `begin` gives, once more where it turns out that somebody has written past Keyhold: what Keyhold was told to keep replaces that, too.
   * Throws what the store throws; the intent is closed when that proves that nothing happened, and stays open otherwise.
   */
  async put(key: CredentialKey, store: SecretStore, begin: Begin): Promise<OpenWrite & { readonly reference: SecretReference }> {
    const first = await begin();
    try {
      return { ...first, reference: await this.#keep(key, store, first) };
    } catch (error) {
      const base = asKeyholdError(error).code === 'conflict' ? await store.newestBase?.(key) : undefined;
      if (base === undefined || base === first.intent.cas) throw error;
      this.#log.warn('changed_outside', 'A credential was changed in its store, past Keyhold; the key that is being stored now replaces it', {
        ...subjectFields(key),
        version: base ?? 'none',
      });
      const again = await begin(base);
      return { ...again, reference: await this.#keep(key, store, again) };
    }
  }

  /** A revocation did not wait, somebody took this writer for dead, or what arrived is not what was sent: then nobody may know of the value. */
  async discard(key: CredentialKey, store: SecretStore, intent: CredentialIntent, reference: SecretReference): Promise<void> {
    try {
      await store.destroy(store.traceOf?.(key, intent) ?? reference);
      await this.#close(key, intent);
    } catch (error) {
      this.#log.warn('credential_value_left', 'A value that arrived too late to be used could not be destroyed in its store', {
        service: key.service,
        label: key.label,
        version: reference.version,
        error,
      });
    }
  }

  async #keep(key: CredentialKey, store: SecretStore, { intent, kept, startedAt }: OpenWrite): Promise<SecretReference> {
    // A process that slept must not begin what somebody else is about to declare undone.
    if (this.#clock.monotonic() - startedAt > this.#limits.intentMs / 2) {
      throw new KeyholdError('unavailable', 'Storing the credential took too long and was given up. Send it again in a minute.', { retryAfterSeconds: 60 });
    }
    try {
      return await store.put(key, kept, intent, { expiresAt: intent.next?.expiresAt ?? null });
    } catch (error) {
      if (certainlyNothingHappened(error)) await this.#close(key, intent);
      throw error;
    }
  }

  async #close(key: CredentialKey, { id }: CredentialIntent): Promise<void> {
    await this.#writer.change(key, (record) => (record.intent?.id === id ? intentClosed(record) : undefined));
  }
}

/** What the record says is the newest in the store: of the live version, or of one that was there before it went elsewhere. */
function baseIn({ current, leftIn }: CredentialRecord, store: SecretStore): string | null {
  const id = idOf(store);
  return current?.reference.store === id ? current.reference.version : (leftIn?.[id] ?? null);
}
