import type { Clock } from '../../../ports/clock.ts';
import { KeyholdError } from '../../../ports/errors.ts';
import type { Log } from '../../../ports/log.ts';
import type { Page, PageRequest } from '../../../ports/metadata/stored.ts';
import { type FoundSecret, type PutIntent, type SecretName, type SecretReference, type SecretStore, secretNameText, type StoreHealth } from '../../../ports/secret-store.ts';
import type { SecretFields } from '../../../ports/secret-value.ts';
import type { VaultClient } from '../../vault/vault-client.ts';
import { checkEngine, type EngineFacts } from './engine-check.ts';
import { afterChange, KvEngine } from './kv-engine.ts';
import { pathsFrom } from './path-list.ts';
import { nameAtPath, secretPath } from './secret-path.ts';
import { type FieldsDigest, VaultPut } from './vault-put.ts';

const VERSION = /^[1-9]\d{0,14}$/;

export interface VaultStoreOptions {
  readonly client: VaultClient;
  /** Of the KV v2 engine, without slashes around it. */
  readonly mount: string;
  /** The keyed digest that the intents carry (`credentialDigest`): a put is proven by what lies in Vault, not by what is noted beside it. */
  readonly digest: FieldsDigest;
  readonly clock: Clock;
  readonly log: Log;
}

export interface VaultStore extends SecretStore {
  /**
   * Looks at the engine: logs what is wrong with its settings, and throws `unavailable` when it is no KV v2 engine or cannot be asked. A put
   * does it by itself when it has not been done.
   */
  check(): Promise<void>;
}

/** Secrets in a KV v2 engine of Vault (R2.2). The store's version is Vault's own. */
export function createVaultStore(options: VaultStoreOptions): VaultStore {
  return new VaultKvStore(options);
}

class VaultKvStore implements VaultStore {
  readonly kind = 'vault';
  readonly capabilities = { destroyVersion: true };
  readonly #client: VaultClient;
  readonly #engine: KvEngine;
  readonly #puts: VaultPut;
  readonly #log: Log;
  #facts: EngineFacts | undefined;

  constructor({ client, mount, digest, clock, log }: VaultStoreOptions) {
    this.#client = client;
    this.#engine = new KvEngine(client, mount, clock);
    this.#puts = new VaultPut({ client, engine: this.#engine, digest, clock, log });
    this.#log = log;
  }

  async check(): Promise<void> {
    await this.#lookAtEngine();
  }

  async put(name: SecretName, fields: SecretFields, intent: PutIntent): Promise<SecretReference> {
    // Where a version is in use it is looked at anew: an operator may have set it otherwise since.
    const { maxVersions } = intent.cas === null && this.#facts !== undefined ? this.#facts : await this.#lookAtEngine();
    return referenceTo(name, await this.#puts.put(name, fields, intent, maxVersions));
  }

  async get({ name, version: text }: SecretReference): Promise<SecretFields> {
    const version = versionOf(text);
    const secret = version === undefined ? undefined : await this.#client.readSecret(this.#engine.mount, secretPath(name), version);
    if (secret === undefined) throw notFound();
    if (secret.notText.length > 0) {
      throw new KeyholdError('corrupt', 'What Vault keeps for this credential is not text, so it cannot be a key. Store the key again with PUT.', { details: { fields: secret.notText } });
    }
    for (const key of Object.keys(secret.fields)) this.#log.info('secret_fetched_from_vault', `Fetched from Vault: ${secretNameText(name)}`, { key, name: secretNameText(name) });
    return secret.fields;
  }

  async probe(name: SecretName, intent: PutIntent): Promise<SecretReference | undefined> {
    return optionalReference(name, await this.#puts.probe(name, intent));
  }

  async giveUp(name: SecretName, intent: PutIntent): Promise<SecretReference | undefined> {
    return optionalReference(name, await this.#puts.giveUp(name, intent));
  }

  async remove({ name, version: text }: SecretReference): Promise<void> {
    const version = versionOf(text);
    if (version !== undefined) await this.#engine.remove(secretPath(name), version);
  }

  async restore({ name, version: text }: SecretReference): Promise<void> {
    const version = versionOf(text);
    const path = secretPath(name);
    await this.#requireKept(path, version);
    if (version !== undefined) await this.#engine.undelete(path, version);
    // It may have been destroyed meanwhile, of which an undeletion says nothing.
    await this.#requireKept(path, version).catch((error: unknown) => {
      throw afterChange(error);
    });
  }

  async destroy({ name, version: text }: SecretReference): Promise<void> {
    const version = versionOf(text);
    if (version !== undefined) await this.#engine.destroy(secretPath(name), version);
  }

  async newerThan({ name, version }: SecretReference): Promise<SecretReference | undefined> {
    const { versions } = await this.#engine.metadata(secretPath(name));
    return optionalReference(name, versions.findLast((kept) => kept.state === 'live' && kept.version > Number(version))?.version);
  }

  async newestBase(name: SecretName): Promise<string | null> {
    const { current } = await this.#engine.metadata(secretPath(name));
    return current === 0 ? null : String(current);
  }

  async newest(name: SecretName): Promise<SecretReference | undefined> {
    const { current, versions } = await this.#engine.metadata(secretPath(name));
    return optionalReference(name, versions.find(({ version, state }) => version === current && state === 'live')?.version);
  }

  place(name: SecretName): string {
    return secretPath(name);
  }

  async found({ limit, after }: PageRequest): Promise<Page<FoundSecret>> {
    const items: FoundSecret[] = [];
    for await (const place of pathsFrom((folder) => this.#engine.list(folder), after)) {
      if (items.length === limit) return { items, next: items.at(-1)?.place };
      items.push({ place, name: nameAtPath(place) ?? null });
    }
    return { items, next: undefined };
  }

  health(): Promise<StoreHealth> {
    return this.#client.health();
  }

  async #lookAtEngine(): Promise<EngineFacts> {
    this.#facts = await checkEngine(this.#client, this.#engine.mount, this.#log);
    return this.#facts;
  }

  async #requireKept(path: string, version: number | undefined): Promise<void> {
    const { versions } = await this.#engine.metadata(path);
    if (!versions.some((kept) => kept.version === version && kept.state !== 'destroyed')) throw notFound();
  }
}

/** Undefined for what Vault never gave out: nothing is kept under it. */
function versionOf(text: string): number | undefined {
  return VERSION.test(text) ? Number(text) : undefined;
}

function referenceTo(name: SecretName, version: number): SecretReference {
  const { scope, service, label } = name;
  return { store: 'vault', name: { scope, service, label }, version: String(version) };
}

function optionalReference(name: SecretName, version: number | undefined): SecretReference | undefined {
  return version === undefined ? undefined : referenceTo(name, version);
}

function notFound(): KeyholdError {
  return new KeyholdError('not_found', 'Vault keeps nothing under this version, or it is deleted.');
}
