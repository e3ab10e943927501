import { isDeepStrictEqual } from 'node:util';
import type { RandomBytes } from '../../ports/clock.ts';
import { KeyholdError } from '../../ports/errors.ts';
import type { CredentialIntent, CredentialKey, CredentialRecord, FieldHint, OfferTo, SettingValue } from '../../ports/metadata/credentials.ts';
import { idOf, ownVaultOf, type SecretStore, type StoreId, StoreUntouched } from '../../ports/secret-store.ts';
import type { Scope } from '../../ports/scope.ts';
import type { SecretFields } from '../../ports/secret-value.ts';
import { isAiService } from '../catalog/catalog.ts';
import type { Service } from '../catalog/service.ts';
import { hasRoom } from '../access/room.ts';
import type { IfMatch } from '../versions/etag.ts';
import { type Author, subjectFields } from './credential-events.ts';
import { newCredentialId } from './credential-id.ts';
import type { CredentialParts } from './credential-parts.ts';
import { checkExpiry, checkOffer } from './credential-request.ts';
import { requireMatchingCredential } from './credential-view.ts';
import { handOver } from './hand-over.ts';
import { putValue } from './put-value.ts';
import { begun, emptyRecord } from './record-changes.ts';
import type { RecordWriter } from './record-writer.ts';
import { settledRecord } from './settled-record.ts';
import { checkSettings } from './settings.ts';
import { CallerRefused } from './store-errors.ts';
import { storedInWords } from './stored-in.ts';
import type { OpenWrite } from './value-writes.ts';

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

/** What is to be kept of whom, on whose behalf. */
interface Task {
  readonly key: CredentialKey;
  readonly service: Service;
  readonly checked: CheckedPut;
  readonly ifMatch: IfMatch | undefined;
  readonly mayMove: boolean;
  readonly by: Author;
}

export interface PutOutcome {
  readonly created: boolean;
  readonly record: CredentialRecord;
  readonly warnings: readonly string[];
}

/** Where new values go (R0.5, R3.5). */
export interface Placement {
  readonly store: SecretStore;
  /** Takes a new value while `store` is away; undefined: then it is refused. */
  readonly fallback?: SecretStore | undefined;
  /** Takes the new values of this scope instead, and nothing else does (S20); undefined: the scope has no such store. */
  readonly ownStoreOf?: ((scope: Scope) => Promise<SecretStore | undefined>) | undefined;
}

export interface CredentialPutDependencies {
  readonly parts: CredentialParts;
  readonly placement: Placement;
  readonly random: RandomBytes;
}

/** Of a tenant (S34). Deleted ones do not count. */
const MAX_CREDENTIALS = 1_000;

/** Handing over a key: intent, put, commit. The version before serves until the commit, and at a crash the intent says how to go on. */
export class CredentialPut {
  readonly #parts: CredentialParts;
  readonly #placement: Placement;
  readonly #random: RandomBytes;

  constructor({ parts, placement, random }: CredentialPutDependencies) {
    this.#parts = parts;
    this.#placement = placement;
    this.#random = random;
  }

  /** `mayMove`: whoever asks may say where the key is sent (S25). */
  async put(key: CredentialKey, { ifMatch, ...request }: PutRequest, { mayMove, ...by }: Author & { readonly mayMove: boolean }): Promise<PutOutcome> {
    const { catalog } = this.#parts;
    const service = catalog.get(key.service);
    const task = { key, service, checked: this.#check(service, key, request), ifMatch, mayMove, by };
    const { store, fallback } = await placementFor(this.#placement, key.scope);
    try {
      await requireConnected(store);
      return await this.#putInto(store, task);
    } catch (error) {
      // Only where nothing reached the store: a value that may still arrive there must not get a second home.
      if (fallback === undefined || !(error instanceof StoreUntouched)) throw error;
      const outcome = await this.#putInto(fallback, task, idOf(store));
      const { message } = storedInWords[store.kind];
      this.#parts.log.warn('stored_in_fallback', `${message} could not be reached, so a key was stored in ${storedInWords[fallback.kind].message}; it moves as soon as ${message} is back`, { ...subjectFields(key), error });
      return { ...outcome, warnings: [...outcome.warnings, `${message} could not be reached. The key was stored in ${storedInWords[fallback.kind].message} and moves by itself when ${message} is back.`] };
    }
  }

  #check(service: Service, { scope }: CredentialKey, { fields, settings = {}, expiresAt = null, offerTo }: Omit<PutRequest, 'ifMatch'>): CheckedPut {
    const { clock, mayReach } = this.#parts;
    const handedOver = handOver(service, fields);
    checkExpiry(expiresAt, clock.now());
    return {
      fields: handedOver.fields,
      hints: handedOver.hints,
      warnings: handedOver.warnings,
      settings: checkSettings(service, settings, mayReach),
      expiresAt,
      offerTo: checkOffer(scope, offerTo),
    };
  }

  async #putInto(store: SecretStore, task: Task, home?: StoreId): Promise<PutOutcome> {
    const { key, checked, by } = task;
    const { before, stored, ours } = await putValue(this.#parts, { key, store, begin: (base) => this.#begin(store, task, home, base), by });
    if (ours && home !== undefined) this.#parts.waiting.added(home);
    if (ours) this.#parts.events.sentElsewhere(key, task.service, { from: before.state === 'active' ? before.current?.settings : undefined, to: checked.settings }, by);
    return { created: before.state !== 'active', record: stored.record, warnings: checked.warnings };
  }

  async #begin(store: SecretStore, task: Task, home: StoreId | undefined, base: string | null | undefined): Promise<OpenWrite> {
    const { key, service, checked, ifMatch, mayMove } = task;
    const { writer, writes, clock, step } = this.#parts;
    // A removal that its store cannot do now does not keep a new key off: what it was to remove is destroyed in its place.
    const before = await settledRecord(this.#parts, key, { mayStayOpen: ['remove'] });
    requireMatchingCredential(ifMatch, before?.record);
    if (!isThere(before?.record)) await requireRoom(writer, key.scope);
    if (!mayMove) requireSamePlace(service, before?.record, checked.settings);
    const startedAt = clock.monotonic();
    const record = before?.record ?? emptyRecord(key, clock.now());
    const { intent, kept } = await writes.intentFor(record, { operation: 'put', store, fields: checked.fields, next: this.#next(record, task, home), base });
    await writer.write(key, before, begun(record, intent));
    await step('put.begun');
    return { record, intent, kept, startedAt };
  }

  #next(record: CredentialRecord, { service, checked, by }: Task, home: StoreId | undefined): CredentialIntent['next'] {
    const { hints, settings, expiresAt, offerTo } = checked;
    const lives = record.state === 'active';
    return {
      id: lives && record.current !== null ? record.current.id : newCredentialId(this.#random),
      version: record.version + 1,
      fields: hints,
      settings,
      createdAt: this.#parts.clock.now(),
      createdBy: by.id,
      ...(home === undefined ? {} : { home }),
      expiresAt,
      offerTo: nextOffer(service, record, offerTo),
    };
  }
}

/** Where this scope's new values go. */
export async function placementFor({ store, fallback, ownStoreOf }: Placement, scope: Scope): Promise<Omit<Placement, 'ownStoreOf'>> {
  const own = await ownStoreOf?.(scope);
  return own === undefined ? { store, fallback } : { store: own };
}

/** Refuses before anything is written, so that a store that is known to be away leaves nothing to be finished (R3.5). */
async function requireConnected(store: SecretStore): Promise<void> {
  const { connected } = await store.health();
  if (connected) return;
  if (ownVaultOf(idOf(store)) !== undefined) throw new StoreUntouched('The tenant\'s own vault cannot be used now, and nothing was stored. POST …/vault/test says what is wrong.', { retryAfterSeconds: 10 });
  throw new StoreUntouched('The secret store cannot be reached now, and nothing was stored. Send the key again in a moment; if it lasts, an operator finds the reason in the log.', { retryAfterSeconds: 10 });
}

/** S25: the platform may bring a new key to where a tenant's keys go already, and nowhere else. */
function requireSamePlace(service: Service, before: CredentialRecord | undefined, settings: CheckedPut['settings']): void {
  const present = before?.state === 'active' ? before.current?.settings : undefined;
  if (isDeepStrictEqual({ ...present }, { ...settings })) return;
  throw new CallerRefused(`Where a tenant's key for ${service.id} is sent is for an administrator of that tenant to say. The platform can store a new key with exactly the settings that are there already.`);
}

function nextOffer(service: Service, { scope, state, offerTo }: CredentialRecord, asked: OfferTo | undefined): OfferTo | null {
  if (scope.kind !== 'platform') return null;
  if (asked !== undefined || (state === 'active' && offerTo !== null)) return asked ?? null;
  return isAiService(service) ? 'all' : 'none';
}

function isThere(record: CredentialRecord | undefined): boolean {
  return record !== undefined && record.state !== 'deleted' && record.state !== 'purged';
}

async function requireRoom(writer: Pick<RecordWriter, 'list'>, scope: Scope): Promise<void> {
  if (scope.kind === 'platform' || (await hasRoom((page) => writer.list(scope, page), isThere, MAX_CREDENTIALS))) return;
  throw new KeyholdError('conflict', `The tenant has ${MAX_CREDENTIALS} credentials, and no more can be added. Replace or delete those that nobody uses.`);
}
