import { isAbsolute, join, resolve } from 'node:path';
import type { Issuer } from '../core/access/issuer.ts';
import type { Service } from '../core/catalog/service.ts';
import type { ProxyRules } from '../egress/proxies.ts';
import type { SecretValue } from '../ports/secret-value.ts';
import { type AuditWitnessConfig, auditWitnessConfig } from './audit-witness-config.ts';
import type { AzureIdentity } from '../adapters/azure/azure-credential.ts';
import { azureIdentity, azureWarnings, keyVaultConfig, type KeyVaultConfig } from './azure-config.ts';
import { proxyConfig } from './proxy-config.ts';
import { configurationError } from './configuration-error.ts';
import { type DatabaseConfig, databaseWarnings, isInside, readDatabase } from './database-config.ts';
import type { Environment } from './environment.ts';
import { InvalidValue, quoted } from './invalid-value.ts';
import { type KeyWrapperConfig, readKeyWrapper } from './key-wrapper-config.ts';
import { type LegacyConfig, legacyConfig } from './legacy-config.ts';
import { oidcIssuers } from './oidc-config.ts';
import { storeProblems, unusedServers, vaultWarnings } from './other-stores.ts';
import { ownKeysOf } from './own-key-variables.ts';
import { type EffectiveValue, Reader } from './reader.ts';
import { baseUrlVariable, gatewayServiceIds, isBaseUrlVariable, keyholdUrl } from './service-base-urls.ts';
import { type RedisConfig, redisConfig } from './redis-config.ts';
import { settings, settingsInOrder } from './settings.ts';
import { nearest, unknownNames } from './unknown-names.ts';
import { missingProtection, unsafeProcess } from './unsafe-process.ts';
import { type TlsConfig, tlsConfig } from './tls-config.ts';
import { findVariable, hasFileForm, variableNames } from './variables.ts';
import { type VaultConfig, vaultConfig } from './vault-config.ts';

export interface Config {
  readonly listen: { readonly host: string; readonly port: number };
  /** null: plain http. */
  readonly tls: TlsConfig | null;
  /** The origin that browsers know Keyhold by; null: not said. */
  readonly publicUrl: string | null;
  /** Other names that API clients use, in small letters. */
  readonly knownHosts: readonly string[];
  /** How long sessions of browsers last, at most and unused, in milliseconds (S24). */
  readonly sessions: { readonly lifetimeMs: number; readonly idleMs: number };
  /** In front of Keyhold; their word counts for where a request comes from. */
  readonly trustedProxies: readonly string[];
  /** Absolute. */
  readonly dataDir: string;
  readonly mode: 'production' | 'development';
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
  readonly shutdownTimeoutMs: number;
  /** Processes that serve; 1: this one, and no other. */
  readonly workers: number;
  /** Where usage is written before an answer ends (R5.3). */
  readonly journal: 'local' | 'synchronous';
  readonly adminToken: SecretValue | null;
  /** What wraps the root key (R0.5). */
  readonly keyWrapper: KeyWrapperConfig;
  /** How long a start waits for a wrapping key whose service is away. */
  readonly keyWrapperWaitMs: number;
  /** For how long backups of the database are kept, which certificates of shredding say; null: not said. */
  readonly backupsKeptMs: number | null;
  /** The key that signs the audit log's heads (S30). Absolute. */
  readonly auditKeyFile: string;
  /** null: none. */
  readonly auditWitness: AuditWitnessConfig | null;
  readonly database: DatabaseConfig;
  /** PostgreSQL on another machine may be reached unencrypted, in production too. */
  readonly allowPlainDatabase: boolean;
  /** null: none. */
  readonly redis: RedisConfig | null;
  /** Where new keys are kept (R0.5). */
  readonly store: 'azure-key-vault' | 'sealed' | 'vault';
  /** Values are sealed before a vault gets them (R3.6). */
  readonly sealBeforeStore: boolean;
  /** How long what is cached serves when it cannot be read again, counted from its last confirmation; 0: not at all. */
  readonly staleLimitMs: number;
  /** null: not switched on. */
  readonly keyVault: KeyVaultConfig | null;
  /** null: not switched on. */
  readonly vault: VaultConfig | null;
  readonly legacy: LegacyConfig;
  /** Of the account that documents are adopted from (R6.3). */
  readonly adoptCosmosKey: SecretValue | null;
  /** The service's own keys that the environment has, by their variable's name (R2.3). */
  readonly ownKeys: ReadonlyMap<string, SecretValue>;
  /** Tenants may use the service's own keys, where their policy allows it (R3.3). */
  readonly offerEnvironmentKeys: boolean;
  /** By service id; without a slash at the end. */
  readonly serviceBaseUrls: ReadonlyMap<string, string>;
  readonly allowHttpUpstream: boolean;
  /** Hosts that what tenants name may lead to wherever they are (S33). */
  readonly egressAllowHosts: readonly string[];
  /** null: everything is reached directly. */
  readonly proxies: ProxyRules | null;
  /** Identity providers whose users may sign in (S23). */
  readonly oidcIssuers: readonly Issuer[];
  /** What holds for every Azure Key Vault. `authorityHost` counts for tenants' own where `isDisconnected`; null: the public cloud's. */
  readonly azure: { readonly isDisconnected: boolean; readonly authorityHost: string | null };
  /** The id of a service of the catalogue. */
  readonly defaultProvider: string;
  /** For commands that ask a running Keyhold; null: not given. `loginsFile` is what `keyhold login` keeps, in the user's own folder; null: this user has none. */
  readonly client: { readonly url: string | null; readonly token: SecretValue | null; readonly loginsFile: string | null };
  /** Sentences for the log at every start. */
  readonly warnings: readonly string[];
}

export interface LoadedConfig {
  readonly config: Config;
  readonly effective: readonly EffectiveValue[];
}

/**
 * The configuration, frozen. Throws `StartError` (2) with every problem at once: the variable's name, what is wrong (never quoting a
 * secret) and an example (R0.1).
 */
export function loadConfig(environment: Environment, services: readonly Pick<Service, 'id' | 'fields' | 'gateway'>[]): LoadedConfig {
  const reader = new Reader(environment);
  const ids = gatewayServiceIds(services);
  const listen = reader.read(settings.listen);
  const dataDir = resolve(environment.workingDirectory, reader.read(settings.dataDir));
  const adminToken = reader.read(settings.adminToken);
  const mode = reader.read(settings.mode);
  const logLevel = reader.read(settings.logLevel);
  const shutdownTimeoutMs = reader.read(settings.shutdownTimeout);
  const workers = reader.read(settings.workers);
  const givenStore = reader.read(settings.store);
  const sealBeforeStore = reader.read(settings.sealBeforeStore);
  const allowHttpUpstream = reader.read(settings.allowHttpUpstream);
  const issuers = oidcIssuers(reader);
  const egressAllowHosts = reader.read(settings.egressAllowHosts);
  const proxies = proxyConfig(reader, services);
  const azure = Object.freeze({ isDisconnected: reader.read(settings.azureDisconnected), authorityHost: reader.read(settings.azureAuthorityHost) });
  const vaultEnabled = reader.read(settings.vaultEnabled);
  const vaultFor = (needs: string): VaultConfig | null => vaultConfig(reader, { needs, refusesHttp: mode === 'production' && !allowHttpUpstream, enableFallback: mode === 'development', proxies });
  const vault = vaultEnabled ? vaultFor('VAULT_ENABLED=true') : null;
  const { keyVault, isOn: keyVaultIsOn } = keyVaultConfig(reader, mode);
  const store = givenStore ?? (keyVault !== null ? 'azure-key-vault' : vaultEnabled ? 'vault' : 'sealed');
  reader.problems.push(...storeProblems(givenStore, { keyVault: keyVaultIsOn, vault: vaultEnabled }));
  let azureIs: AzureIdentity | undefined;
  const identityFor = (): AzureIdentity => (azureIs ??= keyVault?.identity ?? azureIdentity(reader, mode));
  const allowPlainDatabase = reader.read(settings.allowPlainDatabase);
  const database = readDatabase(reader, { dataDir, mode, allowPlain: allowPlainDatabase }, identityFor);
  const keyWrapper = readKeyWrapper(reader, dataDir, { vaultFor: (needs) => (vaultEnabled ? vault : vaultFor(needs)), identityFor });
  if (workers > 1 && (vault ?? (keyWrapper.kind === 'vault-transit' ? keyWrapper.vault : null))?.signIn.kind === 'wrapped-app-role') {
    reader.problems.push(`${settings.vaultWrappedSecretId.name} can be unwrapped once, and with ${settings.workers.name}=${workers} each process signs in for itself. Set ${settings.workers.name}=1, or sign in by ${settings.vaultSecretId.name}, a token file or Kubernetes.`);
  }
  const { keyFile } = keyWrapper;
  reader.show(settings.dataDir, dataDir);
  const givenAuditKeyFile = reader.read(settings.auditKeyFile);
  const auditKeyFile = givenAuditKeyFile === null ? `${keyFile}.audit` : resolve(environment.workingDirectory, givenAuditKeyFile);
  reader.show(settings.auditKeyFile, auditKeyFile);
  const legacy = legacyConfig(reader);
  const url = reader.read({ ...settings.url, parse: keyholdUrl });
  const token = reader.read(settings.token);
  const defaultProvider = reader.read({ ...settings.defaultProvider, parse: (text) => knownService(text, ids) });
  const offered = reader.read(settings.offerEnvironmentKeys);
  const config: Config = {
    listen,
    tls: tlsConfig(reader),
    publicUrl: reader.read(settings.publicUrl),
    knownHosts: reader.read(settings.knownHosts),
    sessions: Object.freeze({ lifetimeMs: reader.read(settings.sessionLifetime), idleMs: reader.read(settings.sessionIdle) }),
    trustedProxies: reader.read(settings.trustedProxies),
    dataDir,
    mode,
    logLevel,
    shutdownTimeoutMs,
    workers,
    journal: reader.read(settings.journal),
    adminToken,
    keyWrapper,
    keyWrapperWaitMs: reader.read(settings.keyWrapperWait),
    backupsKeptMs: reader.read(settings.backupRetention),
    auditKeyFile,
    auditWitness: auditWitnessConfig(reader),
    database,
    allowPlainDatabase,
    redis: redisConfig(reader, mode),
    store,
    sealBeforeStore,
    staleLimitMs: reader.read(settings.staleLimit),
    keyVault,
    vault,
    legacy,
    adoptCosmosKey: reader.read(settings.adoptCosmosKey),
    ownKeys: ownKeysOf(reader, services),
    offerEnvironmentKeys: offered ?? mode === 'development',
    serviceBaseUrls: reader.baseUrls(ids, allowHttpUpstream),
    allowHttpUpstream,
    egressAllowHosts,
    proxies,
    oidcIssuers: issuers,
    azure,
    defaultProvider,
    client: Object.freeze({ url: url === '' ? null : url, token, loginsFile: loginsFile(environment) }),
    warnings: Object.freeze([...warningsOf(environment, ids, mode, { dataDir, keyWrapper, auditKeyFile }), ...vaultWarnings(environment, vault ?? (keyWrapper.kind === 'vault-transit' ? keyWrapper.vault : null)), ...azureWarnings(reader, keyVault, store), ...databaseWarnings(database, mode)]),
  };
  if (mode === 'production') reader.problems.push(...unsafeProcess(environment));
  if (reader.problems.length > 0) throw configurationError(reader.problems);
  return Object.freeze({ config: Object.freeze(config), effective: Object.freeze(reader.effective) });
}

/** https://specifications.freedesktop.org/basedir-spec: a relative XDG_CONFIG_HOME does not count. */
function loginsFile({ variables }: Environment): string | null {
  const { XDG_CONFIG_HOME: folder = '', HOME: home = '' } = variables;
  if (isAbsolute(folder)) return join(folder, 'keyhold', 'logins.json');
  return isAbsolute(home) ? join(home, '.config', 'keyhold', 'logins.json') : null;
}

function knownService(id: string, ids: readonly string[]): string {
  if (!ids.includes(id)) throw new InvalidValue(`is ${quoted(id)}, which is no service that the gateway calls; the nearest is ${nearest(id, ids)}`);
  return id;
}

function warningsOf(environment: Environment, ids: readonly string[], mode: Config['mode'], files: { readonly dataDir: string; readonly keyWrapper: KeyWrapperConfig; readonly auditKeyFile: string }): readonly string[] {
  const known = settingsInOrder().flatMap((setting) => (hasFileForm(setting) ? [setting.name, `${setting.name}_FILE`] : [setting.name]));
  const names = variableNames(environment).filter((name) => !isBaseUrlVariable(name));
  const warnings = [...unknownNames(names, [...known, ...ids.map(baseUrlVariable)]), ...unusedServers(environment, files.keyWrapper.kind === 'vault-transit'), ...missingProtection(environment)];
  const nodeEnv = findVariable(environment, 'NODE_ENV')?.text.trim() ?? 'production';
  if (!['production', 'development', 'test'].includes(nodeEnv)) {
    warnings.push(`NODE_ENV is ${quoted(nodeEnv)}, which is neither development nor test, so the rules of production hold.`);
  }
  const { kind, keyFile } = files.keyWrapper;
  if (mode === 'production' && kind === 'key-file' && isInside(files.dataDir, keyFile)) {
    warnings.push(
      `The key file ${quoted(keyFile)} lies inside the data folder: a copy of the folder is enough to open every key. Stop Keyhold, move it and the files beside it whose names begin with its own (.root, .audit) elsewhere, and set KEYHOLD_KEY_FILE.`,
    );
  } else if (mode === 'production' && isInside(files.dataDir, files.auditKeyFile)) {
    warnings.push(`The audit log's key ${quoted(files.auditKeyFile)} lies inside the data folder: a copy of the folder is enough to sign another log. Stop Keyhold, move it elsewhere, and set KEYHOLD_AUDIT_KEY_FILE.`);
  }
  return warnings;
}
