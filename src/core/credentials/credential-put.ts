import type { RandomBytes } from '../../ports/clock.ts';
import { asKeyholdError, KeyholdError } from '../../ports/errors.ts';
import type { CredentialIntent, CredentialKey, CredentialRecord, FieldHint, OfferTo, SettingValue } from '../../ports/metadata/credentials.ts';
import type { Stored } from '../../ports/metadata/stored.ts';
import { type SecretReference, type SecretStore, StoreUntouched } from '../../ports/secret-store.ts';
import type { SecretFields } from '../../ports/secret-value.ts';
import { isAiService } from '../catalog/catalog.ts';
import type { Service } from '../catalog/service.ts';
import type { IfMatch } from '../versions/etag.ts';
import { credentialDigest } from './credential-digest.ts';
import type { Author } from './credential-events.ts';
import { newCredentialId } from './credential-id.ts';
import type { CredentialParts } from './credential-parts.ts';
import { checkExpiry, checkOffer } from './credential-request.ts';
import { requireMatchingCredential } from './credential-view.ts';
import { handOver } from './hand-over.ts';
import { begun, emptyRecord, intentClosed, putCommitted } from './record-changes.ts';
import { busy } from './record-writer.ts';
import { settledRecord } from './settled-record.ts';
import { checkSettings } from './settings.ts';
import { certainlyNothingHappened } from './store-errors.ts';

export interface PutRequest {
  readonly fields: Readonly<Record<string, string>>;
  /** Of this version alone: what is left out is not taken over from the version before (S3). */
  readonly settings?: Readonly<Record<string, unknown>> | undefined;
  /** Left out or null: the new key does not expire. */
  readonly expiresAt?: number | null | undefined;
  /** Left out: as before; on a new credential `all` for AI services, `none` for others (R0.2). */
  readonly offerTo?: OfferTo | undefined;
  readonly ifMatch?: IfMatch | undefined;
}

/** A hand-over that passed every check. */
interface CheckedPut {
  readonly fields: SecretFields;
  readonly hints: readonly FieldHint[];
  readonly warnings: readonly string[];
  readonly settings: Readonly<Record<string, SettingValue>>;
  readonly expiresAt: number | null;
  readonly offerTo: OfferTo | undefined;
}

export interface PutOutcome {
  readonly created: boolean;
  readonly record: CredentialRecord;
  readonly warnings: readonly string[];
}

/** An open intent, and the record as it was before. */
interface Begun {
  readonly record: CredentialRecord;
  readonly intent: CredentialIntent;
  readonly startedAt: number;
}

export interface CredentialPutDependencies {
  readonly parts: CredentialParts;
  /** Takes new values (R0.5). */
  readonly store: SecretStore;
  readonly random: RandomBytes;
  readonly digestKey: Buffer;
}

/** Handing over a key: intent, put, commit. The version before serves until the commit, and at a crash the intent says how to go on. */
export class CredentialPut {
  readonly #parts: CredentialParts;
  readonly #store: SecretStore;
  readonly #random: RandomBytes;
  readonly #digestKey: Buffer;

  constructor({ parts, store, random, digestKey }: CredentialPutDependencies) {
    this.#parts = parts;
    this.#store = store;
    this.#random = random;
    this.#digestKey = digestKey;
  }

  async put(key: CredentialKey, request: PutRequest, by: Author): Promise<PutOutcome> {
    const { writer, catalog, clock, events, step } = this.#parts;
    const service = catalog.get(key.service);
    const checked = check(service, key, request, clock.now());
    await this.#requireStore();
    const begin = (cas?: string | null): Promise<Begun> => this.#begin(service, key, request, checked, by.id, cas);
    const { record, intent, reference } = await this.#putOver(key, checked.fields, begin);
    await step('put.stored');
    const { stored, ours } = await this.#commit(key, intent, reference);
    await step('put.committed');
    await writer.announce(key, stored);
    await step('put.announced');
    if (ours) events.added(key, reference.store, by);
    return { created: record.state !== 'active', record: stored.record, warnings: checked.warnings };
  }

  /** Refuses before anything is written, so that a store that is known to be away leaves nothing to be finished (R3.5). */
  async #requireStore(): Promise<void> {
    const { connected } = await this.#store.health();
    if (connected) return;
    throw new StoreUntouched('The secret store cannot be reached now, and nothing was stored. Send the key again in a moment; if it lasts, an operator finds the reason in the log.', { retryAfterSeconds: 10 });
  }

  /** Opens the intent: on what the record says is in the store, or on `cas`. */
  async #begin(service: Service, key: CredentialKey, { ifMatch }: PutRequest, checked: CheckedPut, by: string, cas?: string | null): Promise<Begun> {
    const { writer, clock, step } = this.#parts;
    const before = await settledRecord(this.#parts, key);
    requireMatchingCredential(ifMatch, before?.record);
    const startedAt = clock.monotonic();
    const record = before?.record ?? emptyRecord(key, clock.now());
    const intent = this.#intent(service, record, checked, by, cas);
    await writer.write(key, before, begun(record, intent));
    await step('put.begun');
    return { record, intent, startedAt };
  }

  /** Puts the value, once more where it turns out that somebody has written past Keyhold: whoever hands a key over means it to replace that, too. */
  async #putOver(key: CredentialKey, fields: SecretFields, begin: (cas?: string | null) => Promise<Begun>): Promise<Begun & { readonly reference: SecretReference }> {
    const first = await begin();
    try {
      return { ...first, reference: await this.#keep(key, fields, first.intent, first.startedAt) };
    } catch (error) {
      const base = asKeyholdError(error).code === 'conflict' ? await this.#store.newestBase?.(key) : undefined;
      if (base === undefined || base === first.intent.cas) throw error;
      const { service, label, scope } = key;
      this.#parts.log.warn('changed_outside', 'A credential was changed in its store, past Keyhold; the key that is being stored now replaces it', {
        ...(scope.kind === 'tenant' ? { tenantId: scope.tenant } : {}),
        provider: service,
        label,
        version: base ?? 'none',
      });
      const again = await begin(base);
      return { ...again, reference: await this.#keep(key, fields, again.intent, again.startedAt) };
    }
  }

  #intent(service: Service, record: CredentialRecord, { fields, hints, settings, expiresAt, offerTo }: CheckedPut, by: string, cas?: string | null): CredentialIntent {
    const { clock, limits } = this.#parts;
    const now = clock.now();
    const version = record.version + 1;
    const lives = record.state === 'active';
    const id = lives && record.current !== null ? record.current.id : newCredentialId(this.#random);
    return {
      id: this.#random(16).toString('hex'),
      operation: 'put',
      store: this.#store.kind,
      version,
      cas: cas === undefined ? this.#casOf(record) : cas,
      digest: credentialDigest(this.#digestKey, record, version, fields),
      next: { id, version, fields: hints, settings, createdAt: now, createdBy: by, expiresAt, offerTo: nextOffer(service, record, offerTo) },
      expires: now + limits.intentMs,
    };
  }

  #casOf({ current }: CredentialRecord): string | null {
    return current?.reference.store === this.#store.kind ? current.reference.version : null;
  }

  async #keep(key: CredentialKey, fields: SecretFields, intent: CredentialIntent, startedAt: number): Promise<SecretReference> {
    const { writer, clock, limits } = this.#parts;
    // A process that slept must not begin what somebody else is about to declare undone.
    if (clock.monotonic() - startedAt > limits.intentMs / 2) {
      throw new KeyholdError('unavailable', 'Storing the credential took too long and was given up. Send it again in a minute.', { retryAfterSeconds: 60 });
    }
    try {
      return await this.#store.put(key, fields, intent);
    } catch (error) {
      if (certainlyNothingHappened(error)) {
        await writer.change(key, (record) => (record.intent?.id === intent.id ? intentClosed(record) : undefined));
      }
      throw error;
    }
  }

  async #commit(key: CredentialKey, intent: CredentialIntent, reference: SecretReference): Promise<{ readonly stored: Stored<CredentialRecord>; readonly ours: boolean }> {
    const { writer, clock, limits } = this.#parts;
    let ours = false;
    const stored = await writer.change(key, (record) => {
      ours = record.intent?.id === intent.id && record.intent.next !== null;
      return ours ? putCommitted(record, reference, clock.now(), limits.retireGraceMs) : undefined;
    });
    if (stored.record.current?.version !== intent.version) {
      await this.#giveUp(key, intent, reference);
      throw busy();
    }
    return { stored, ours };
  }

  /** A revocation did not wait, or somebody took this writer for dead: then nobody else may know of the value. */
  async #giveUp(key: CredentialKey, intent: CredentialIntent, reference: SecretReference): Promise<void> {
    const { service, label } = key;
    try {
      await this.#store.destroy(reference);
      await this.#parts.writer.change(key, (record) => (record.intent?.id === intent.id ? intentClosed(record) : undefined));
    } catch (error) {
      this.#parts.log.warn('credential_value_left', 'A value that arrived too late to be used could not be destroyed in its store', {
        service,
        label,
        version: reference.version,
        error,
      });
    }
  }
}

function check(service: Service, { scope }: CredentialKey, { fields, settings = {}, expiresAt = null, offerTo }: PutRequest, now: number): CheckedPut {
  const handedOver = handOver(service, fields);
  checkExpiry(expiresAt, now);
  return {
    fields: handedOver.fields,
    hints: handedOver.hints,
    warnings: handedOver.warnings,
    settings: checkSettings(service, settings),
    expiresAt,
    offerTo: checkOffer(scope, offerTo),
  };
}

function nextOffer(service: Service, { scope, state, offerTo }: CredentialRecord, asked: OfferTo | undefined): OfferTo | null {
  if (scope.kind !== 'platform') return null;
  if (asked !== undefined || (state === 'active' && offerTo !== null)) return asked ?? null;
  return isAiService(service) ? 'all' : 'none';
}
