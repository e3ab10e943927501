import type { KeyWrapperKind } from '../ports/key-wrapper.ts';
import type { SecretValue } from '../ports/secret-value.ts';
import { days, oneOf, path, shutdownTimeout } from './parsers.ts';
import { passphrase } from './passphrase.ts';
import { azureKey } from './azure-parsers.ts';
import type { Setting } from './settings.ts';
import { vaultKeyName, vaultMount } from './vault-parsers.ts';

type AzureKey = ReturnType<typeof azureKey>;

const keyWrapper: Setting<KeyWrapperKind> = {
  name: 'KEYHOLD_KEY_WRAPPER',
  secret: false,
  description: ['What protects the root key: key-file, passphrase, vault-transit (a key in Vault\'s transit engine) or azure-key (a key in Azure Key Vault).', '`keyhold keys rotate` changes it; docs/keys.md says how.'],
  example: 'key-file',
  fallback: 'key-file',
  fallbackText: 'key-file',
  parse: oneOf('key-file', 'passphrase', 'vault-transit', 'azure-key'),
};

const keyFile: Setting<string | null> = {
  name: 'KEYHOLD_KEY_FILE',
  secret: false,
  description: [
    'The key file: 32 bytes as base64 in one line (`openssl rand -base64 32` makes one), mode 0600; made by the first start.',
    'In production keep it outside the data folder, and never in a backup or an image. A relative path counts from the working directory.',
    'With another wrapper there is no key file, but what belongs beside it is still named after it: .root, and .passphrase (its salt).',
  ],
  example: '/etc/keyhold/keyhold.key',
  fallback: null,
  fallbackText: '<KEYHOLD_DATA_DIR>/keyhold.key',
  parse: path,
};

const keyPassphrase: Setting<SecretValue | null> = {
  name: 'KEYHOLD_KEY_PASSPHRASE',
  secret: true,
  description: ['The passphrase of KEYHOLD_KEY_WRAPPER=passphrase: 16 characters or more that nobody guesses (`openssl rand -base64 24` makes one).'],
  example: '<as `openssl rand -base64 24` makes them>',
  fallback: null,
  fallbackText: '',
  parse: passphrase,
};

const transitMount: Setting<string> = {
  name: 'KEYHOLD_TRANSIT_MOUNT',
  secret: false,
  description: ['Where Vault\'s transit engine is mounted, for KEYHOLD_KEY_WRAPPER=vault-transit. Vault is reached by the VAULT_ variables, also without VAULT_ENABLED.'],
  example: 'transit',
  fallback: 'transit',
  fallbackText: 'transit',
  parse: vaultMount,
};

const transitKey: Setting<string> = {
  name: 'KEYHOLD_TRANSIT_KEY',
  secret: false,
  description: ['The key\'s name there. It must exist: vault write -f transit/keys/keyhold'],
  example: 'keyhold',
  fallback: 'keyhold',
  fallbackText: 'keyhold',
  parse: vaultKeyName,
};

const azureKeyId: Setting<AzureKey | null> = {
  name: 'KEYHOLD_AZURE_KEY',
  secret: false,
  description: ['The RSA key of KEYHOLD_KEY_WRAPPER=azure-key, without a version. Keyhold signs in to Azure as for AZURE_KEY_VAULT_URL, which need not be set.'],
  example: 'https://my-vault.vault.azure.net/keys/keyhold',
  fallback: null,
  fallbackText: '',
  parse: azureKey,
};

const keyWrapperWait: Setting<number> = {
  name: 'KEYHOLD_KEY_WRAPPER_WAIT',
  secret: false,
  description: ['How long a start waits for a wrapping key whose service is away, before it fails: 60s, 5m; a bare number means seconds. 60m at most.'],
  example: '60s',
  fallback: 60_000,
  fallbackText: '60s',
  parse: shutdownTimeout,
};

const backupRetention: Setting<number | null> = {
  name: 'KEYHOLD_BACKUP_RETENTION',
  secret: false,
  description: ['For how many days you keep backups of the database, such as 30d. Certificates of a tenant\'s shredding say until when a copy remains; without it they say that this is not known.'],
  example: '30d',
  fallback: null,
  fallbackText: '',
  parse: days,
};

/** R0.5. */
export const keyWrapperSettings = { keyWrapper, keyFile, keyPassphrase, transitMount, transitKey, azureKeyId, keyWrapperWait, backupRetention } as const;

/** The same for what is to wrap the root key after `keyhold keys rotate`: `KEYHOLD_NEW_…`. What is left out is as it is now. */
export const newKeyWrapperSettings = {
  newKeyWrapper: {
    ...renewed(keyWrapper),
    description: ['What is to protect the root key after `keyhold keys rotate`. The KEYHOLD_NEW_ variables count for that alone; what is left out stays as it is.'],
    fallback: null,
    fallbackText: '',
  } satisfies Setting<KeyWrapperKind | null>,
  newKeyFile: { ...renewed(keyFile), description: ['Another key file; made where there is none.'], fallbackText: '' },
  newKeyPassphrase: { ...renewed(keyPassphrase), description: ['Another passphrase.'] },
  newTransitMount: { ...renewed(transitMount), description: ['Another transit engine.'], fallback: null, fallbackText: '' } satisfies Setting<string | null>,
  newAzureKey: { ...renewed(azureKeyId), description: ['Another key in Azure Key Vault.'] },
  newTransitKey: { ...renewed(transitKey), description: ['Another key of it. For another version of the same key leave all of these out.'], fallback: null, fallbackText: '' } satisfies Setting<string | null>,
} as const;

function renewed<T>(setting: Setting<T>): Setting<T> {
  return { ...setting, name: setting.name.replace('KEYHOLD_', 'KEYHOLD_NEW_') };
}
