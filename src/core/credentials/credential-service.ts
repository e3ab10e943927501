import { asKeyholdError, KeyholdError } from '../../ports/errors.ts';
import type { CredentialKey, CredentialRecord, CredentialRepository } from '../../ports/metadata/credentials.ts';
import type { Page, PageRequest } from '../../ports/metadata/stored.ts';
import type { Grant } from '../access/grant.ts';
import type { IfMatch } from '../versions/etag.ts';
import { credentialKey } from './credential-key.ts';
import type { Author } from './credential-events.ts';
import { CredentialLifecycle } from './credential-lifecycle.ts';
import { type CredentialDependencies, type CredentialParts, credentialParts } from './credential-parts.ts';
import { CredentialPut, type Placement, type PutRequest } from './credential-put.ts';
import { checkExpiry, checkNotes, checkOffer, checkReason, checkWeight } from './credential-request.ts';
import { type CredentialView, credentialView, isThere, requireMatchingCredential } from './credential-view.ts';
import { type Changes, updated } from './record-changes.ts';
import { busy, noCredential } from './record-writer.ts';
import { settledRecord } from './settled-record.ts';
import { notStored, withoutOurRefusal } from './store-errors.ts';

export interface CredentialServiceDependencies extends CredentialDependencies, Placement {}

export interface UpdateRequest extends Changes {
  readonly ifMatch?: IfMatch | undefined;
}

/**
 * The operations on credentials (R0.2, R3.7). Each takes scope, service and label from its grant alone, and throws `not_found` for a
 * service that is not in the catalogue and for a credential that is not there, `conflict` while another write of the same
 * credential is open, `precondition_failed` when `ifMatch` is stale, and what the store throws.
 */
export class CredentialService {
  readonly #records: CredentialRepository;
  readonly #parts: CredentialParts;
  readonly #put: CredentialPut;
  readonly #lifecycle: CredentialLifecycle;

  constructor({ store, fallback, ownStoreOf, ...shared }: CredentialServiceDependencies) {
    const { random } = shared;
    this.#records = shared.records;
    this.#parts = credentialParts(shared);
    this.#put = new CredentialPut({ parts: this.#parts, placement: { store, fallback, ownStoreOf }, random });
    this.#lifecycle = new CredentialLifecycle({ parts: this.#parts, random });
  }

  /**
   * Stores a key as a new version, durably, and takes it into use. On a live credential the id, label, weight and notes stay, and a
   * disabled one stays disabled; settings and expiry are the new version's own. Where there is none, or a revoked, deleted or purged
   * one, it makes a new credential (`created`). `invalid_argument` says what is wrong with the values; `permission_denied`: the platform's roles do not say where a
   * tenant's key is sent (S25).
   */
  async put(grant: Grant, request: PutRequest): Promise<{ readonly created: boolean; readonly credential: CredentialView }> {
    const key = credentialKey(grant.use('credential.put'));
    const mayMove = grant.actor.scope.kind === 'tenant' || key.scope.kind === 'platform';
    const { created, record, warnings } = await this.#put.put(key, request, { ...authorOf(grant), mayMove }).catch((error: unknown) => {
      throw notStored(error);
    });
    return { created, credential: { ...this.#view(record), warnings } };
  }

  /** A credential in any state but purged. */
  async get(grant: Grant): Promise<CredentialView> {
    const key = credentialKey(grant.use('credential.read'));
    return this.#viewOf(key, async () => {
      const found = await this.#records.get(key);
      if (found === undefined || !isThere(found.record)) throw noCredential(key);
      return found.record;
    });
  }

  /** By service and label. A page may hold fewer than asked for; `next` alone says whether there are more. */
  async list(grant: Grant, page: PageRequest): Promise<Page<CredentialView>> {
    const { scope } = grant.use('credential.read');
    const { items, next } = await this.#records.list(scope, page);
    return { items: items.filter(({ record }) => isThere(record)).map(({ record }) => this.#view(record)), next };
  }

  /** Changes what is not part of the secret; what is left out stays. */
  async update(grant: Grant, { ifMatch, ...changes }: UpdateRequest): Promise<CredentialView> {
    const key = credentialKey(grant.use('credential.update'));
    checkExpiry(changes.expiresAt, this.#parts.clock.now());
    checkWeight(changes.weight);
    checkNotes(changes.notes);
    const offerTo = checkOffer(key.scope, changes.offerTo);
    return this.#viewOf(key, () => this.#update(key, { ...changes, offerTo }, ifMatch));
  }

  /** Takes the key out of use at once and removes it from the store's readers; it can be recovered for 30 days (R3.7). */
  async remove(grant: Grant, { ifMatch }: { readonly ifMatch?: IfMatch | undefined } = {}): Promise<CredentialView> {
    const key = credentialKey(grant.use('credential.delete'));
    return this.#viewOf(key, () => this.#lifecycle.remove(key, ifMatch, authorOf(grant)));
  }

  /** Takes the key out of use for good, at once, and destroys what the store lets us destroy. Revoking twice is fine. */
  async revoke(grant: Grant, { reason }: { readonly reason?: string | undefined } = {}): Promise<CredentialView> {
    const key = credentialKey(grant.use('credential.revoke'));
    checkReason(reason);
    return this.#viewOf(key, () => this.#lifecycle.revoke(key, reason ?? null, authorOf(grant)));
  }

  /** Brings a deleted credential back, disabled if it was so. `not_found` when its value is gone for good. */
  async recover(grant: Grant): Promise<CredentialView> {
    const key = credentialKey(grant.use('credential.recover'));
    return this.#viewOf(key, () => this.#lifecycle.recover(key, authorOf(grant)));
  }

  /** Destroys a deleted or revoked credential; only its name and version number stay. */
  async purge(grant: Grant): Promise<CredentialView> {
    const key = credentialKey(grant.use('credential.purge'));
    return this.#viewOf(key, () => this.#lifecycle.purge(key));
  }

  async #update(key: CredentialKey, changes: Changes, ifMatch: IfMatch | undefined): Promise<CredentialRecord> {
    const { writer, clock, step } = this.#parts;
    await this.#settledForUpdate(key);
    const changed = await writer.change(key, (record) => {
      if (!isThere(record)) throw noCredential(key);
      if (record.intent !== null && record.intent.operation !== 'move' && record.intent.expires > clock.now()) throw busy();
      requireMatchingCredential(ifMatch, record);
      if (record.state !== 'active') throw new KeyholdError('conflict', `The credential is ${record.state} and cannot be changed. PUT stores a new one.`);
      return updated(record, changes, clock.now());
    });
    await step('update.committed');
    await writer.announce(key, changed);
    return changed.record;
  }

  /** Switching a key off does not wait for a store. Nor for a move, which takes nothing of the record along. */
  async #settledForUpdate(key: CredentialKey): Promise<void> {
    const found = await this.#parts.writer.get(key);
    if (found?.record.intent?.operation === 'move') return;
    if ((await settledRecord(this.#parts, key, { mayStayOpen: ['put'] })) === undefined) throw noCredential(key);
  }

  /** An unknown service is named as such; one that has left the catalogue keeps its credentials within reach. */
  async #viewOf(key: CredentialKey, work: () => Promise<CredentialRecord>): Promise<CredentialView> {
    try {
      return this.#view(await work());
    } catch (error) {
      if (asKeyholdError(error).code === 'not_found') this.#parts.catalog.get(key.service);
      throw withoutOurRefusal(error);
    }
  }

  #view(record: CredentialRecord): CredentialView {
    return credentialView(record, this.#parts.clock.now());
  }
}

function authorOf({ actor, requestId }: Grant): Author {
  return { id: actor.id, requestId };
}
