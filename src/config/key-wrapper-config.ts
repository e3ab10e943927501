import { join } from 'node:path';
import type { AzureIdentity } from '../adapters/azure/azure-credential.ts';
import type { KeyWrapperKind } from '../ports/key-wrapper.ts';
import type { SecretValue } from '../ports/secret-value.ts';
import { isKnownVault } from '../adapters/azure/azure-clouds.ts';
import { keyWrapperSettings } from './key-wrapper-settings.ts';
import type { Reader } from './reader.ts';
import type { VaultConfig } from './vault-config.ts';

/** What wraps the root key. `keyFile` is absolute; the pin and the passphrase's salt are named after it, whatever wraps. */
export type KeyWrapperConfig = { readonly keyFile: string } & (
  | { readonly kind: 'key-file' }
  | { readonly kind: 'passphrase'; readonly passphrase: SecretValue }
  | { readonly kind: 'vault-transit'; readonly mount: string; readonly key: string; readonly vault: VaultConfig }
  | { readonly kind: 'azure-key'; readonly vaultUrl: string; readonly key: string; readonly identity: AzureIdentity }
);

export interface WrapperParts {
  readonly kind: KeyWrapperKind;
  readonly keyFile: string;
  readonly passphrase: SecretValue | null;
  readonly transitMount: string;
  readonly transitKey: string;
  readonly vault: VaultConfig | null;
  readonly azureKey: { readonly vaultUrl: string; readonly key: string } | null;
  readonly identity: AzureIdentity | null;
}

/** How the key file's name is found where none is given. */
function keyFileIn(dataDir: string): string {
  return join(dataDir, 'keyhold.key');
}

/** The wrapper that these parts make; what it lacks the reader knows afterwards. `names` are its variables, for messages. */
export function keyWrapperOf(reader: Reader, parts: WrapperParts, names: { readonly wrapper: string; readonly passphrase: string; readonly azureKey: string }): KeyWrapperConfig {
  const { keyFile } = parts;
  switch (parts.kind) {
    case 'key-file':
      return Object.freeze({ kind: 'key-file', keyFile });
    case 'passphrase':
      if (parts.passphrase !== null) return Object.freeze({ kind: 'passphrase', keyFile, passphrase: parts.passphrase });
      // A passphrase that is set and wrong has been told of.
      if (reader.problems.every((problem) => !problem.startsWith(names.passphrase))) {
        reader.problems.push(`${names.wrapper}=passphrase needs ${names.passphrase}, or ${names.passphrase}_FILE. \`openssl rand -base64 24\` makes a passphrase.`);
      }
      break;
    case 'vault-transit':
      // What is wrong with the connection has been told of.
      if (parts.vault !== null) return Object.freeze({ kind: 'vault-transit', keyFile, mount: parts.transitMount, key: parts.transitKey, vault: parts.vault });
      break;
    case 'azure-key': {
      const { azureKey, identity } = parts;
      if (azureKey !== null && identity !== null) {
        if (!isKnownVault(azureKey.vaultUrl) && !identity.isDisconnected) {
          reader.problems.push(`${names.azureKey} names a host that is no vault of Azure's clouds: it should look like https://my-vault.vault.azure.net/keys/keyhold. For a private cloud or a test server set KEYHOLD_AZURE_DISCONNECTED=true.`);
        }
        return Object.freeze({ kind: 'azure-key', keyFile, ...azureKey, identity });
      }
      if (reader.problems.every((problem) => !problem.startsWith(names.azureKey))) {
        reader.problems.push(`${names.wrapper}=azure-key needs ${names.azureKey}, the key's identifier. Example: ${names.azureKey}=https://my-vault.vault.azure.net/keys/keyhold`);
      }
      break;
    }
  }
  // Never used: a problem keeps everything from starting.
  return Object.freeze({ kind: 'key-file', keyFile });
}

/** How the services are reached that a wrapping key may lie in; read only where one does. */
export interface WrapperServices {
  readonly vaultFor: (needs: string) => VaultConfig | null;
  readonly identityFor: () => AzureIdentity;
}

/** Reads what wraps the root key now. */
export function readKeyWrapper(reader: Reader, dataDir: string, { vaultFor, identityFor }: WrapperServices): KeyWrapperConfig {
  const { keyWrapper, keyFile, keyPassphrase, transitMount, transitKey, azureKeyId } = keyWrapperSettings;
  const kind = reader.read(keyWrapper);
  const givenKeyFile = reader.read(keyFile);
  const file = givenKeyFile === null ? keyFileIn(dataDir) : reader.absolute(givenKeyFile);
  reader.show(keyFile, file);
  const parts = { kind, keyFile: file, passphrase: reader.read(keyPassphrase), transitMount: reader.read(transitMount), transitKey: reader.read(transitKey), azureKey: reader.read(azureKeyId) };
  const vault = kind === 'vault-transit' ? vaultFor(`${keyWrapper.name}=vault-transit`) : null;
  const identity = kind === 'azure-key' ? identityFor() : null;
  return keyWrapperOf(reader, { ...parts, vault, identity }, { wrapper: keyWrapper.name, passphrase: keyPassphrase.name, azureKey: azureKeyId.name });
}
