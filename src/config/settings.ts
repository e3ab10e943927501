import type { SecretValue } from '../ports/secret-value.ts';
import { auditWitnessSettings } from './audit-witness-settings.ts';
import { azureSettings } from './azure-settings.ts';
import { databaseSettings } from './database-settings.ts';
import { keyWrapperSettings, newKeyWrapperSettings } from './key-wrapper-settings.ts';
import { egressSettings } from './egress-settings.ts';
import { proxySettings } from './proxy-settings.ts';
import { oidcSettings } from './oidc-settings.ts';
import { legacySettings } from './legacy-settings.ts';
import { listenerSettings } from './listener-settings.ts';
import { sessionSettings } from './session-settings.ts';
import { redisSettings } from './redis-settings.ts';
import { vaultSettings } from './vault-settings.ts';
import { adminToken, apiToken, listenAddress, type ListenAddress, oneOf, path, shutdownTimeout, staleLimit, trueOrFalse, workerCount } from './parsers.ts';

/** One variable: everything that is known of it. The reader, `.env.example` and `keyhold config` are made from this table. */
export interface Setting<T> {
  readonly name: string;
  /** A secret is never quoted or shown, and has a `_FILE` form (R0.1). */
  readonly secret: boolean;
  /** false: the secret's `_FILE` form is a setting of its own. */
  readonly fileForm?: boolean;
  /** Sentences for `.env.example`, a line each. */
  readonly description: readonly string[];
  readonly example: string;
  readonly fallback: T;
  /** The fallback as one would write it, or in words where it follows from other variables. */
  readonly fallbackText: string;
  /** Throws `InvalidValue`. */
  readonly parse: (text: string) => T;
}

/** What `KEYHOLD_SERVICE_BASE_URL_<SERVICE>` begins with; one variable per service of the catalogue. */
export const SERVICE_BASE_URL_PREFIX = 'KEYHOLD_SERVICE_BASE_URL_';

const listen: Setting<ListenAddress> = {
  name: 'KEYHOLD_LISTEN',
  secret: false,
  description: ['Where Keyhold listens: host:port or [IPv6]:port, one port for everything.', 'Port 0 picks a free one; 0.0.0.0 is every IPv4 address of the machine.'],
  example: '127.0.0.1:8080',
  fallback: Object.freeze({ host: '127.0.0.1', port: 8080 }),
  fallbackText: '127.0.0.1:8080',
  parse: listenAddress,
};

const dataDir: Setting<string> = {
  name: 'KEYHOLD_DATA_DIR',
  secret: false,
  description: ['The folder for everything that is kept; made with mode 0700. A relative path counts from the working directory.'],
  example: '/var/lib/keyhold',
  fallback: './data',
  fallbackText: './data',
  parse: path,
};

const adminTokenSetting: Setting<SecretValue | null> = {
  name: 'KEYHOLD_ADMIN_TOKEN',
  secret: true,
  description: [
    'An administrator\'s token of your own: 32 characters or more, printable ASCII without spaces.',
    'Left out, the first start makes one. Changing it replaces it, removing it revokes it. `openssl rand -base64 32` makes one.',
  ],
  example: '<32 characters or more, as `openssl rand -base64 32` makes them>',
  fallback: null,
  fallbackText: '',
  parse: adminToken,
};

const mode: Setting<'production' | 'development'> = {
  name: 'NODE_ENV',
  secret: false,
  description: ['production, or development or test, where some rules are relaxed. Anything else counts as production.'],
  example: 'production',
  fallback: 'production',
  fallbackText: 'production',
  parse: (text) => (text === 'development' || text === 'test' ? 'development' : 'production'),
};

const logLevel: Setting<'debug' | 'info' | 'warn' | 'error'> = {
  name: 'KEYHOLD_LOG_LEVEL',
  secret: false,
  description: ['The least important log lines that are written: debug, info, warn or error. Signed heads of the audit log (audit_checkpoint) always are.'],
  example: 'info',
  fallback: 'info',
  fallbackText: 'info',
  parse: oneOf('debug', 'info', 'warn', 'error'),
};

const shutdownTimeoutSetting: Setting<number> = {
  name: 'KEYHOLD_SHUTDOWN_TIMEOUT',
  secret: false,
  description: ['How long requests under way may go on after SIGTERM: 25s, 500ms, 2m; a bare number means seconds. 60m at most.'],
  example: '25s',
  fallback: 25_000,
  fallbackText: '25s',
  parse: shutdownTimeout,
};

const workers: Setting<number> = {
  name: 'KEYHOLD_WORKERS',
  secret: false,
  description: [
    'How many processes serve, all on the one port: as many as cores are to work for the gateway. 1 is one process and nothing beside it;',
    'from 2 on the first process looks after the others (docs/replicas.md).',
  ],
  example: '4',
  fallback: 1,
  fallbackText: '1',
  parse: workerCount,
};

const journal: Setting<'local' | 'synchronous'> = {
  name: 'KEYHOLD_JOURNAL',
  secret: false,
  description: [
    'Where usage is written before an answer ends: local (files in the data folder, which survive the process) or synchronous (the database, for disks',
    'that vanish with the process; then nothing is served while the database cannot be reached). docs/replicas.md has both.',
  ],
  example: 'synchronous',
  fallback: 'local',
  fallbackText: 'local',
  parse: oneOf('local', 'synchronous'),
};

const store: Setting<'azure-key-vault' | 'sealed' | 'vault' | null> = {
  name: 'KEYHOLD_STORE',
  secret: false,
  description: [
    'Where new keys are kept: azure-key-vault, vault (HashiCorp Vault) or sealed (the encrypted database). It has to be said when both',
    'vaults are switched on. Keys that are in another one stay there, and keep serving while it is switched on.',
  ],
  example: 'sealed',
  fallback: null,
  fallbackText: '<the vault that is switched on, else sealed>',
  parse: oneOf('azure-key-vault', 'sealed', 'vault'),
};

const staleLimitSetting: Setting<number> = {
  name: 'KEYHOLD_STALE_LIMIT',
  secret: false,
  description: [
    'While a secret store or the database cannot be read: how long keys that are cached serve on, counted from when they were last confirmed.',
    '15m, 90s, 1h; 0 switches it off; 24h at most. So long a key that was revoked in its vault alone may go on serving (docs/outages.md).',
  ],
  example: '15m',
  fallback: 900_000,
  fallbackText: '15m',
  parse: staleLimit,
};

const sealBeforeStore: Setting<boolean> = {
  name: 'KEYHOLD_SEAL_BEFORE_STORE',
  secret: false,
  description: [
    'true seals values under their tenant\'s own data key before Vault gets them: a copy of Vault alone is useless then. Off, since other readers of the vault',
    '(people, External Secrets) need plain values; in production it is recommended where nobody else reads them. What is stored already stays as it is, and readable.',
  ],
  example: 'true',
  fallback: false,
  fallbackText: 'false',
  parse: trueOrFalse,
};

const offerEnvironmentKeys: Setting<boolean | null> = {
  name: 'KEYHOLD_OFFER_ENVIRONMENT_KEYS',
  secret: false,
  description: [
    'true lets tenants without a key of their own use the service\'s own AI keys (OPENAI_API_KEY and the like, from Vault or from',
    'the environment), where the tenant\'s policy allows platformFallback.',
  ],
  example: 'false',
  fallback: null,
  fallbackText: '<true in development, false in production>',
  parse: trueOrFalse,
};

const auditKeyFile: Setting<string | null> = {
  name: 'KEYHOLD_AUDIT_KEY_FILE',
  secret: false,
  description: [
    'The key that signs the heads of the audit log, mode 0600; made by the first start. Keep it, and its backup, apart from the database.',
    'A relative path counts from the working directory.',
  ],
  example: '/etc/keyhold/keyhold.key.audit',
  fallback: null,
  fallbackText: '<KEYHOLD_KEY_FILE>.audit',
  parse: path,
};

const url: Setting<string> = {
  name: 'KEYHOLD_URL',
  secret: false,
  description: ['Where a running Keyhold is reached, for the commands that ask it (keyhold audit export): https, or http on this machine.'],
  example: 'https://keyhold.example.com',
  fallback: '',
  fallbackText: '',
  parse: (text) => text,
};

const token: Setting<SecretValue | null> = {
  name: 'KEYHOLD_TOKEN',
  secret: true,
  description: ['The API token (kh_t_…) that those commands show there.'],
  example: '<an API token>',
  fallback: null,
  fallbackText: '',
  parse: apiToken,
};

const defaultProvider: Setting<string> = {
  name: 'KEYHOLD_DEFAULT_PROVIDER',
  secret: false,
  description: ['The service that serves a model without a provider/ prefix, where neither gateway key nor tenant names one.'],
  example: 'openai',
  fallback: 'openai',
  fallbackText: 'openai',
  parse: (text) => text,
};

const allowHttpUpstream: Setting<boolean> = {
  name: 'KEYHOLD_ALLOW_HTTP_UPSTREAM',
  secret: false,
  description: ['true lets a service\'s base URL be http outside this machine: keys then travel unencrypted.'],
  example: 'false',
  fallback: false,
  fallbackText: 'false',
  parse: trueOrFalse,
};

export const settings = {
  listen,
  ...listenerSettings,
  ...sessionSettings,
  dataDir,
  adminToken: adminTokenSetting,
  mode,
  logLevel,
  shutdownTimeout: shutdownTimeoutSetting,
  workers,
  journal,
  store,
  sealBeforeStore,
  staleLimit: staleLimitSetting,
  ...azureSettings,
  ...vaultSettings,
  ...databaseSettings,
  ...redisSettings,
  ...keyWrapperSettings,
  auditKeyFile,
  ...auditWitnessSettings,
  ...legacySettings,
  defaultProvider,
  allowHttpUpstream,
  ...egressSettings,
  ...proxySettings,
  ...oidcSettings,
  offerEnvironmentKeys,
  url,
  token,
  ...newKeyWrapperSettings,
} as const;

/** Every setting in the order in which they are shown. */
export function settingsInOrder(): readonly Setting<unknown>[] {
  return Object.values(settings);
}
