import { asKeyholdError, KeyholdError } from '../../ports/errors.ts';
import type { CredentialKey, CredentialRecord, CurrentVersion } from '../../ports/metadata/credentials.ts';
import type { PolicyRecord } from '../../ports/metadata/tenants.ts';
import type { SecretReference, SecretStore } from '../../ports/secret-store.ts';
import type { Soon } from '../../ports/soon.ts';
import { systemActor } from '../access/actor.ts';
import type { Access } from '../access/authorize.ts';
import { credentialKey, credentialKeyText } from './credential-key.ts';
import type { CredentialParts } from './credential-parts.ts';
import { textsOf } from './fields-text.ts';
import { handOver } from './hand-over.ts';
import { adopted } from './record-changes.ts';
import { busy } from './record-writer.ts';
import { outsideChangeFields } from './credential-events.ts';

const MAX_REPORTED = 10_000;

export interface OutsideChangesDependencies {
  readonly parts: Pick<CredentialParts, 'writer' | 'stores' | 'catalog' | 'clock' | 'log' | 'limits'>;
  readonly access: Access;
  readonly policies: { policyOf(tenant: string): Soon<Pick<PolicyRecord, 'adoptOutsideChanges'>> };
}

/** A newer version in a store than the record names, and the record as it was read before the store was asked. */
interface Found {
  readonly key: CredentialKey;
  readonly revision: number;
  readonly store: SecretStore;
  readonly newer: SecretReference;
}

/**
 * Versions that somebody wrote into a store past Keyhold (S17). They are adopted where the tenant's policy says so, and otherwise
 * reported; either way recorded as `changed_outside`, once a version. Settings, and so where the key is sent, stay Keyhold's own (S3).
 */
export class OutsideChanges {
  readonly #parts: OutsideChangesDependencies['parts'];
  readonly #access: Access;
  readonly #policies: OutsideChangesDependencies['policies'];
  readonly #underWay = new Map<string, Promise<boolean>>();
  /** What was told, so that it is told once. */
  readonly #reported = new Set<string>();

  constructor({ parts, access, policies }: OutsideChangesDependencies) {
    this.#parts = parts;
    this.#access = access;
    this.#policies = policies;
  }

  /**
   * Looks, once for all who ask at the same time. Whether the credential has another version now. Never rejects: what cannot be told now is
   * looked at again the next time.
   */
  look(key: CredentialKey): Promise<boolean> {
    const name = credentialKeyText(key);
    const underWay = this.#underWay.get(name) ?? this.#look(key).finally(() => this.#underWay.delete(name));
    this.#underWay.set(name, underWay);
    return underWay;
  }

  /** As `look`, by one that begins from here on: one that is under way may have asked the store before what the caller has seen. */
  async lookAnew(key: CredentialKey): Promise<boolean> {
    await this.#underWay.get(credentialKeyText(key));
    return this.look(key);
  }

  async #look(key: CredentialKey): Promise<boolean> {
    try {
      const found = await this.#find(key);
      return found !== undefined && (await this.#handle(found));
    } catch (error) {
      this.#parts.log.debug('outside_look_failed', 'Whether a credential was changed in its store by hand could not be told', { service: key.service, label: key.label, error });
      return false;
    }
  }

  async #find(key: CredentialKey): Promise<Found | undefined> {
    const { writer, stores } = this.#parts;
    const before = await writer.get(key);
    const current = before === undefined ? undefined : servingVersion(before.record);
    const store = current === undefined ? undefined : stores(current.reference.store);
    if (before === undefined || current === undefined || store?.newerThan === undefined) return undefined;
    const newer = await store.newerThan(current.reference);
    if (newer === undefined) return undefined;
    // A write of our own shows in the record before it shows in the store.
    const after = await writer.get(key);
    return after?.revision === before.revision ? { key, revision: before.revision, store, newer } : undefined;
  }

  async #handle(found: Found): Promise<boolean> {
    const { key, newer } = found;
    const { scope, service, label } = key;
    const version = `${credentialKeyText(key)}/${newer.store}/${newer.version}`;
    if (this.#reported.has(version)) return false;
    // The platform has no policy that could say so.
    const adopts = scope.kind === 'tenant' && (await this.#policies.policyOf(scope.tenant)).adoptOutsideChanges;
    try {
      await this.#access.perform(systemActor('outside-changes'), 'credential.changed_outside', { scope, service, label }, null, async (grant) => {
        const granted = credentialKey(grant.use('credential.changed_outside'));
        if (!adopts) throw new KeyholdError('permission_denied', 'The policy does not say that changes made in the store are adopted.');
        await this.#adopt(granted, found);
      });
    } catch (error) {
      const { code } = asKeyholdError(error);
      if (!['permission_denied', 'invalid_argument', 'corrupt'].includes(code)) throw error;
      this.#remember(version);
      const why = adopts ? 'The new value could not be a key and was not adopted' : 'The policy does not adopt such changes (adoptOutsideChanges)';
      this.#parts.log.warn('changed_outside', `A credential was changed in its store, past Keyhold. ${why}; the version that Keyhold stored serves on`, { ...outsideChangeFields(key, newer), code });
      return false;
    }
    this.#parts.log.info('changed_outside', 'A credential was changed in its store, past Keyhold, and the new value was adopted', outsideChangeFields(key, newer));
    return true;
  }

  async #adopt(key: CredentialKey, { revision, store, newer }: Found): Promise<void> {
    const { writer, catalog, clock, limits } = this.#parts;
    const fields = await store.get(newer);
    const { hints } = handOver(catalog.get(key.service), textsOf(fields));
    const before = await writer.get(key);
    if (before?.revision !== revision) throw busy();
    const after = await writer.write(key, before, adopted(before.record, { reference: newer, fields: hints, isPlain: store.seal !== undefined && newer.sealed === undefined }, clock.now(), limits.retireGraceMs));
    await writer.announce(key, after);
  }

  #remember(version: string): void {
    this.#reported.add(version);
    for (const oldest of this.#reported) {
      if (this.#reported.size <= MAX_REPORTED) return;
      this.#reported.delete(oldest);
    }
  }
}

/** The version that serves and that no write is about to replace. */
function servingVersion({ state, intent, current }: CredentialRecord): CurrentVersion | undefined {
  return state === 'active' && intent === null && current !== null ? current : undefined;
}
