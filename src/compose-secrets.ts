import { createEnvironmentOwnKeys } from './adapters/own-keys/environment-own-keys.ts';
import { createVaultOwnKeys } from './adapters/own-keys/vault-own-keys.ts';
import { type AzureStore, createAzureStore } from './adapters/secret-store/azure-key-vault/azure-store.ts';
import { createVaultStore } from './adapters/secret-store/vault-kv/vault-store.ts';
import { createVaultClient, type VaultClient } from './adapters/vault/vault-client.ts';
import type { Config } from './config/config.ts';
import { credentialDigest } from './core/credentials/credential-digest.ts';
import type { Placement } from './core/credentials/credential-put.ts';
import type { LegacyReader } from './core/credentials/legacy-reader.ts';
import { withLegacyValues } from './core/credentials/legacy-store.ts';
import { sealedBefore } from './core/credentials/sealing-store.ts';
import type { Stores } from './core/credentials/store-errors.ts';
import type { DataKeys } from './core/crypto/data-keys.ts';
import type { Sources } from './core/outages/sources.ts';
import { watchedStore } from './core/outages/watched-store.ts';
import { OwnKeys } from './core/own-keys/own-keys.ts';
import { type RefreshOwnKeysJob, startRefreshingOwnKeys } from './jobs/refresh-own-keys.ts';
import type { Clock, RandomBytes } from './ports/clock.ts';
import { asKeyholdError, KeyholdError } from './ports/errors.ts';
import type { Log } from './ports/log.ts';
import type { SecretStore, StoreKind } from './ports/secret-store.ts';

export interface SecretsOptions {
  readonly config: Pick<Config, 'keyVault' | 'ownKeys' | 'sealBeforeStore' | 'staleLimitMs' | 'store' | 'vault'>;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly log: Log;
}

export interface OpenOwnKeys {
  readonly ownKeys: OwnKeys;
  /** undefined where no Vault is switched on. */
  readonly vault: VaultClient | undefined;
  /** Ends the refreshing and, last of all, the connection to Vault. */
  readonly close: () => Promise<void>;
}

/**
 * Signs in to Vault, where it is switched on, and reads the service's own keys (R3.9: before everything else). A Vault that is away does not
 * keep anything from starting: the client finds back by itself, and says so.
 */
export async function openOwnKeys({ config, clock, random, log }: SecretsOptions): Promise<OpenOwnKeys> {
  const vault = config.vault === null ? undefined : createVaultClient({ ...config.vault, auth: config.vault.signIn, clock, random, log });
  await vault?.start().catch((error: unknown) => {
    // The client has logged why.
    if (asKeyholdError(error).code !== 'unavailable') throw error;
  });
  const inVault = vault === undefined || config.vault === null ? undefined : createVaultOwnKeys({ client: vault, mount: config.vault.mount, path: config.vault.secretPath, log });
  const ownKeys = new OwnKeys({ environment: createEnvironmentOwnKeys(config.ownKeys), vault: inVault, staleLimitMs: config.staleLimitMs, clock, log });
  const succeeded = await ownKeys.refresh();
  const job: RefreshOwnKeysJob | undefined = vault === undefined ? undefined : startRefreshingOwnKeys({ ownKeys, succeeded, isConnected: () => vault.connected() });
  return {
    ownKeys,
    vault,
    close: async () => {
      await job?.stop();
      await vault?.close();
    },
  };
}

export interface StoresOptions extends SecretsOptions {
  readonly vault: VaultClient | undefined;
  readonly sealed: SecretStore;
  /** Credentials' digests are keyed with it. */
  readonly digestKey: Buffer;
  /** Opens what an earlier system has encrypted, wherever it lies. */
  readonly legacy: LegacyReader;
  /** What values are sealed under before a vault gets them. */
  readonly dataKeys: DataKeys;
  /** What is known of how the stores are. */
  readonly sources: Sources;
}

export interface OpenStores extends Placement {
  /** The stores that are switched on; the one that takes new values is the first. */
  readonly all: readonly SecretStore[];
  readonly stores: Stores;
  /** Ends what looks for a store that is away. */
  readonly close: () => void;
}

/** The stores for credentials, each with its line (R3.9). What one of them keeps stays readable whichever takes new values. */
export async function openStores(options: StoresOptions): Promise<OpenStores> {
  const { config, random, log, sealed, legacy, dataKeys, sources } = options;
  log.info('secret_store_ready', 'Encrypted database service initialized', { storedIn: sealed.kind });
  const [keyVault, vault] = await Promise.all([openKeyVault(options), openVault(options)]);
  const sealedBeforeVault = [keyVault, vault].filter((each) => each !== undefined).map((each) => sealedBefore(each, { dataKeys, random, sealsNew: config.sealBeforeStore }));
  const opened = [sealed, ...sealedBeforeVault].map((each) => withLegacyValues(watchedStore(each, sources.of(each.kind, () => each.health())), legacy));
  const withFallback: readonly StoreKind[] = [...(config.keyVault?.enableFallback === true ? (['azure-key-vault'] as const) : []), ...(config.vault?.enableFallback === true ? (['vault'] as const) : [])];
  const store = opened.find(({ kind }) => kind === config.store);
  if (store === undefined) throw new KeyholdError('internal', `Nothing opens the store ${config.store}, which is to take new values.`);
  return {
    store,
    fallback: withFallback.includes(store.kind) ? opened.find(({ kind }) => kind === 'sealed') : undefined,
    all: [store, ...opened.filter((other) => other !== store)],
    stores: (kind) => opened.find((each) => each.kind === kind),
    close: () => keyVault?.close(),
  };
}

async function openKeyVault({ config, clock, random, log, digestKey, sources }: StoresOptions): Promise<AzureStore | undefined> {
  if (config.keyVault === null) return undefined;
  const { url, identity } = config.keyVault;
  const store = createAzureStore({ url, identity, digest: (name, version, fields) => credentialDigest(digestKey, name, version, fields), clock, random, log });
  const fallsBack = config.store === store.kind && config.keyVault.enableFallback;
  await checked(store, 'Azure Key Vault', { log, sources }, fallsBack ? legacyEncryption : undefined);
  return store;
}

async function openVault({ config, clock, log, vault, digestKey, sources }: StoresOptions): Promise<SecretStore | undefined> {
  if (vault === undefined || config.vault === null) return undefined;
  const store = createVaultStore({ client: vault, mount: config.vault.mount, digest: (name, version, fields) => credentialDigest(digestKey, name, version, fields), clock, log });
  await checked(store, 'HashiCorp Vault', { log, sources });
  return store;
}

/** R1.5. */
const legacyEncryption =
  'Key Vault service not initialized - will use legacy encryption: Azure Key Vault cannot be used yet, so new keys go to the encrypted database and move when it is back, since KEY_VAULT_ENABLE_FALLBACK says so (it does by itself in development). What is cached serves, and other keys in it wait';

/** A vault that is away does not keep Keyhold from starting. */
async function checked(store: SecretStore & { check(): Promise<void> }, title: string, { log, sources }: Pick<StoresOptions, 'log' | 'sources'>, whenAway = `${title} service is not available yet: what is cached serves, and other keys in it wait until it is back`): Promise<void> {
  try {
    await store.check();
    log.info('secret_store_ready', `${title} service initialized`, { storedIn: store.kind });
  } catch (error) {
    sources.of(store.kind, () => store.health()).heard(error);
    log.warn('secret_store_unavailable', whenAway, { storedIn: store.kind, code: asKeyholdError(error).code, error });
  }
}
