import type { Clock, RandomBytes } from '../../../ports/clock.ts';
import { KeyholdError } from '../../../ports/errors.ts';
import type { Log } from '../../../ports/log.ts';
import type { Page, PageRequest } from '../../../ports/metadata/stored.ts';
import type { FoundSecret, KnownCopy, PutIntent, PutNotes, SecretName, SecretReference, SecretStore, StoreHealth } from '../../../ports/secret-store.ts';
import type { SecretFields } from '../../../ports/secret-value.ts';
import { askedHealth } from '../../../core/outages/asked-health.ts';
import { type AzureIdentity, openAzureCredential } from '../../azure/azure-credential.ts';
import { CallGate } from '../../azure/call-gate.ts';
import type { PipelinePolicy } from '../../azure/refusal-bodies.ts';
import { ConnectionWatch } from '../../vault/connection-watch.ts';
import { AzurePut } from './azure-put.ts';
import { AzureRemoval } from './azure-removal.ts';
import { DeniedPermissions } from './denied-permissions.ts';
import { JustRead } from './just-read.ts';
import type { ReadSecret } from './kept-secret.ts';
import { NameChanges } from './name-changes.ts';
import { type FieldsDigest, isSamePut, provenOrigin } from './own-versions.ts';
import { looksLikeCredential, nameOfSecret, secretNameInAzure } from './secret-name.ts';
import { fieldsOf, originOf } from './secret-shape.ts';
import { Turns } from './turns.ts';
import { VaultSecrets } from './vault-secrets.ts';

/** Key Vault's own ids of versions. */
const VERSION = /^[0-9A-Za-z]{1,64}$/u;
const TRACE = 'intent:';

export interface AzureStoreOptions {
  /** Scheme, host and perhaps port. */
  readonly url: string;
  readonly identity: AzureIdentity;
  /** The keyed digest that the intents carry (`credentialDigest`). */
  readonly digest: FieldsDigest;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly log: Log;
  /** What stands between the official libraries and the network; left out: nothing. */
  readonly way?: PipelinePolicy | undefined;
}

export interface AzureStore extends SecretStore {
  /** Asks the vault once. Throws what is wrong with the connection; from then on it is looked for by itself. */
  check(): Promise<void>;
  /** Stops looking for a vault that is away. */
  close(): void;
}

/** Secrets in Azure Key Vault (REQUIREMENTS section 1), a secret for each credential. The store's version is the vault's own. Nothing is loaded or sent before the first call. */
export function createAzureStore(options: AzureStoreOptions): AzureStore {
  return new AzureKeyVaultStore(options);
}

class AzureKeyVaultStore implements AzureStore {
  readonly kind = 'azure-key-vault';
  readonly capabilities = { destroyVersion: false };
  readonly #secrets: VaultSecrets;
  readonly #gate: CallGate;
  readonly #watch: ConnectionWatch;
  readonly #puts: AzurePut;
  readonly #removal: AzureRemoval;
  readonly #digest: FieldsDigest;
  readonly #clock: Clock;
  readonly #justRead: JustRead;
  readonly #turns = new Turns();

  constructor({ url, identity, digest, clock, random, log, way }: AzureStoreOptions) {
    this.#clock = clock;
    this.#digest = digest;
    this.#justRead = new JustRead(clock);
    this.#watch = new ConnectionWatch({ event: 'key_vault', title: 'Azure Key Vault', address: url, random, log, check: () => this.#secrets.ping() });
    this.#gate = new CallGate({
      clock,
      random,
      onAnswer: () => this.#watch.connected(),
      onOutage: (failure) => (failure.trouble === 'refused' || failure.trouble === 'no-identity' ? this.#watch.refused(failure, false) : this.#watch.failed(failure)),
    });
    const denied = new DeniedPermissions(log, clock);
    this.#secrets = new VaultSecrets({ url, credential: () => openAzureCredential(identity, way), isDisconnected: identity.isDisconnected, way, gate: this.#gate, onDenied: (permission, error) => denied.tell(permission, error) });
    const changes = new NameChanges(this.#secrets, clock);
    this.#puts = new AzurePut({ secrets: this.#secrets, changes, digest, clock, log });
    this.#removal = new AzureRemoval({ secrets: this.#secrets, changes, log });
  }

  check(): Promise<void> {
    return this.#secrets.ping();
  }

  async put(name: SecretName, fields: SecretFields, intent: PutIntent, { expiresAt = null }: PutNotes = {}): Promise<SecretReference> {
    return referenceTo(name, await this.#turns.take(secretNameInAzure(name), () => this.#puts.put(name, fields, intent, expiresAt)));
  }

  async get({ name, version }: SecretReference): Promise<SecretFields> {
    const inAzure = secretNameInAzure(name);
    const secret = VERSION.test(version) ? await this.#read(inAzure, version) : 'absent';
    if (typeof secret === 'string') throw notFound();
    const example = originOf(secret) === undefined ? (await this.#secrets.versions(inAzure)).findLast((kept) => originOf(kept) !== undefined) : undefined;
    return fieldsOf(secret, example);
  }

  async probe(name: SecretName, intent: PutIntent): Promise<SecretReference | undefined> {
    const version = await this.#turns.take(secretNameInAzure(name), () => this.#puts.probe(name, intent));
    return version === undefined ? undefined : referenceTo(name, version);
  }

  traceOf(name: SecretName, intent: PutIntent): SecretReference {
    return traceOfPut(name, intent);
  }

  async newerThan({ name, version }: SecretReference): Promise<SecretReference | undefined> {
    const inAzure = secretNameInAzure(name);
    const newest = this.#justRead.take(inAzure) ?? (await this.#secrets.newest(inAzure));
    if (typeof newest === 'string' || newest.version === version) return undefined;
    // Written by Keyhold: another write that is under way, or a put that was given up and arrived late.
    if (provenOrigin(name, newest, this.#digest) !== undefined) return undefined;
    const known = await this.#secrets.version(inAzure, version);
    return typeof known === 'object' && isSamePut(newest, known) && newest.value === known.value ? undefined : referenceTo(name, newest.version);
  }

  async newestBase(name: SecretName): Promise<string | null> {
    const inAzure = secretNameInAzure(name);
    const newest = await this.#secrets.newest(inAzure);
    if (typeof newest === 'object') return newest.version;
    if (newest === 'disabled') return (await this.#secrets.versions(inAzure)).at(-1)?.version ?? null;
    return (await this.#secrets.deleted(inAzure))?.version ?? null;
  }

  async newest(name: SecretName): Promise<SecretReference | undefined> {
    const newest = await this.#secrets.newest(secretNameInAzure(name));
    return typeof newest === 'object' ? referenceTo(name, newest.version) : undefined;
  }

  place(name: SecretName): string {
    return secretNameInAzure(name);
  }

  /** The vault lists names in no order that it promises, so all of them are read for every page. */
  async found({ limit, after = '' }: PageRequest): Promise<Page<FoundSecret>> {
    const places = (await this.#secrets.names()).map((name) => name.toLowerCase()).filter(looksLikeCredential).toSorted(compareText);
    const rest = places.filter((place) => compareText(place, after) > 0);
    const items = rest.slice(0, limit).map((place) => ({ place, name: nameOfSecret(place) ?? null }));
    return { items, next: rest.length > limit ? items.at(-1)?.place : undefined };
  }

  async remove({ name, version }: SecretReference): Promise<void> {
    await this.#change(name, version, (inAzure) => this.#removal.remove(inAzure, version));
  }

  async restore({ name, version }: SecretReference): Promise<void> {
    if ((await this.#change(name, version, (inAzure) => this.#removal.restore(inAzure, version))) !== true) throw notFound();
  }

  async destroy({ name, version }: SecretReference): Promise<void> {
    if (version.startsWith(TRACE)) await this.#turns.take(secretNameInAzure(name), () => this.#removal.withdraw(secretNameInAzure(name), version.slice(TRACE.length)));
    else await this.#change(name, version, (inAzure) => this.#removal.destroy(inAzure, version));
  }

  async copies(name: SecretName): Promise<readonly KnownCopy[]> {
    const place = secretNameInAzure(name);
    const deleted = await this.#secrets.deleted(place);
    if (deleted !== undefined) return [{ what: 'the soft-deleted secret in Azure Key Vault, with all versions', place, until: deleted.endsAt === 0 ? null : deleted.endsAt }];
    // Of a name that was never deleted, as of a revoked credential, the vault destroys no version.
    if ((await this.#secrets.versions(place)).length === 0) return [];
    return [{ what: 'versions of the secret in Azure Key Vault that are switched off, which whoever may set secrets there can switch on again', place, until: null }];
  }

  health(): Promise<StoreHealth> {
    return askedHealth(this.#clock, () => this.#secrets.ping());
  }

  close(): void {
    this.#watch.close();
  }

  /** The version, which is nearly always the newest: asked for as that, one call tells both what it is and whether somebody has written a newer one. */
  async #read(inAzure: string, version: string): Promise<ReadSecret | 'absent' | 'disabled'> {
    const newest = await this.#secrets.newest(inAzure);
    this.#justRead.keep(inAzure, newest);
    const isIt = newest === 'absent' || (newest !== 'disabled' && newest.version === version);
    return isIt ? newest : this.#secrets.version(inAzure, version);
  }

  /** In the name's turn; nothing for a version that no vault gave out. */
  async #change<T>(name: SecretName, version: string, work: (inAzure: string) => Promise<T>): Promise<T | undefined> {
    const inAzure = secretNameInAzure(name);
    return VERSION.test(version) ? this.#turns.take(inAzure, () => work(inAzure)) : undefined;
  }
}

/** See `SecretStore.traceOf`. */
export function traceOfPut(name: SecretName, { id }: PutIntent): SecretReference {
  return referenceTo(name, `${TRACE}${id}`);
}

function referenceTo({ scope, service, label }: SecretName, version: string): SecretReference {
  return { store: 'azure-key-vault', name: { scope, service, label }, version };
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function notFound(): KeyholdError {
  return new KeyholdError('not_found', 'Azure Key Vault keeps nothing under this version, or it is deleted or switched off.');
}
