import type { RandomBytes } from '../../ports/clock.ts';
import type { CredentialIntent, CredentialKey, CredentialRecord, OfferTo } from '../../ports/metadata/credentials.ts';
import type { Stored } from '../../ports/metadata/stored.ts';
import { kindOf, type SecretReference, type SecretStore } from '../../ports/secret-store.ts';
import type { Grant } from '../access/grant.ts';
import { isAiService } from '../catalog/catalog.ts';
import type { Author } from '../credentials/credential-events.ts';
import { newCredentialId } from '../credentials/credential-id.ts';
import { credentialKey } from '../credentials/credential-key.ts';
import type { CredentialParts } from '../credentials/credential-parts.ts';
import type { LegacyReader } from '../credentials/legacy-reader.ts';
import { putValue } from '../credentials/put-value.ts';
import { begun, emptyRecord, madeCurrent } from '../credentials/record-changes.ts';
import { settledRecord } from '../credentials/settled-record.ts';
import { withoutOurRefusal } from '../credentials/store-errors.ts';
import type { OpenWrite } from '../credentials/value-writes.ts';
import type { AdoptionOutcome, AdoptionRequest } from './adoption-request.ts';
import { type Finding, Finder } from './finding.ts';
import { isRegistered } from './registered.ts';

type Kept = Extract<Finding['value'], { readonly kept: unknown }>;

export interface AdoptionDependencies {
  readonly parts: CredentialParts;
  /** Keeps what an earlier system had in its own database. */
  readonly sealed: SecretStore;
  readonly legacy: LegacyReader;
  readonly random: RandomBytes;
}

/**
 * Makes credentials of what exists already (R6.3). What lies in a store stays where it is and is only named by the new record; an earlier system's encrypted
 * value comes into the database as it is, marked. Repeating an adoption changes nothing; a credential that is there is never replaced.
 */
export class Adoption {
  readonly #parts: CredentialParts;
  readonly #sealed: SecretStore;
  readonly #random: RandomBytes;
  readonly #finder: Finder;

  constructor({ parts, sealed, legacy, random }: AdoptionDependencies) {
    this.#parts = parts;
    this.#sealed = sealed;
    this.#random = random;
    this.#finder = new Finder({ catalog: parts.catalog, stores: parts.stores, legacy, mayReach: parts.mayReach });
  }

  /** What `adopt` would do. Throws what it would throw. */
  async preview(grant: Grant, request: AdoptionRequest): Promise<AdoptionOutcome> {
    const key = credentialKey(grant.use('credential.preview'));
    const finding = await this.#find(key, request);
    const before = await this.#parts.writer.get(key);
    const already = await isRegistered(this.#parts.stores, before?.record, finding);
    return outcomeOf(already ? 'already' : 'adoptable', finding, already ? before?.record : undefined);
  }

  /**
   * Throws `not_found` for an unknown service or where nothing lies, `invalid_argument` for what cannot be this service's key, `corrupt` for what cannot be
   * decrypted, `conflict` where another credential is there or a write of it is open, and `unavailable` while the store cannot be asked.
   */
  async adopt(grant: Grant, request: AdoptionRequest): Promise<AdoptionOutcome> {
    const key = credentialKey(grant.use('credential.adopt'));
    const finding = await this.#find(key, request);
    const before = await settledRecord(this.#parts, key);
    if (await isRegistered(this.#parts.stores, before?.record, finding)) return outcomeOf('already', finding, before?.record);
    const by: Author = { id: grant.actor.id, requestId: grant.requestId };
    const { value } = finding;
    const record = 'reference' in value ? await this.#name(key, before, finding, value.reference, by) : await this.#keep(key, before, finding, value, by);
    return outcomeOf('adopted', finding, record);
  }

  async #find(key: CredentialKey, request: AdoptionRequest): Promise<Finding> {
    return this.#finder.find(key, request).catch((error: unknown) => {
      throw withoutOurRefusal(error);
    });
  }

  /** One write of one record: the value is where it is to be. */
  async #name(key: CredentialKey, before: Stored<CredentialRecord> | undefined, finding: Finding, reference: SecretReference, by: Author): Promise<CredentialRecord> {
    const { writer, clock, events, step } = this.#parts;
    const record = before?.record ?? emptyRecord(key, clock.now());
    const stored = await writer.write(key, before, madeCurrent(record, this.#next(record, finding, by), reference, clock.now(), 0));
    await step('adopt.committed');
    await writer.announce(key, stored);
    await step('adopt.announced');
    events.added(key, reference.store, by);
    return stored.record;
  }

  /** Like a hand-over of its own: intent, put, commit. */
  async #keep(key: CredentialKey, before: Stored<CredentialRecord> | undefined, finding: Finding, { kept, form }: Kept, by: Author): Promise<CredentialRecord> {
    const { writer, writes, clock, step } = this.#parts;
    const begin = async (base?: string | null): Promise<OpenWrite> => {
      const startedAt = clock.monotonic();
      const record = before?.record ?? emptyRecord(key, clock.now());
      const intended = await writes.intentFor(record, { operation: 'put', store: this.#sealed, fields: kept, next: this.#next(record, finding, by), base });
      const intent = { ...intended.intent, legacy: form };
      await writer.write(key, before, begun(record, intent));
      await step('put.begun');
      return { record, intent, kept: intended.kept, startedAt };
    };
    const { stored } = await putValue(this.#parts, { key, store: this.#sealed, begin, by });
    return stored.record;
  }

  #next(record: CredentialRecord, { hints, settings }: Finding, by: Author): NonNullable<CredentialIntent['next']> {
    return {
      id: newCredentialId(this.#random),
      version: record.version + 1,
      fields: hints,
      settings,
      createdAt: this.#parts.clock.now(),
      createdBy: by.id,
      expiresAt: null,
      offerTo: this.#offer(record),
    };
  }

  /** As a hand-over that says nothing of it (R0.2). */
  #offer({ scope, service }: CredentialRecord): OfferTo | null {
    if (scope.kind !== 'platform') return null;
    return isAiService(this.#parts.catalog.get(service)) ? 'all' : 'none';
  }
}

function outcomeOf(outcome: AdoptionOutcome['outcome'], { storedIn, place, form, authenticated, hints, warnings }: Finding, record?: CredentialRecord): AdoptionOutcome {
  const current = record?.current ?? undefined;
  const legacy = current === undefined ? form : current.reference.legacy;
  return {
    outcome,
    storedIn: current === undefined ? storedIn : kindOf(current.reference.store),
    place,
    ...(legacy === undefined ? {} : { legacy }),
    authenticated,
    hints: Object.fromEntries(hints.map(({ name, hint }) => [name, hint])),
    version: current?.version ?? null,
    warnings,
  };
}
