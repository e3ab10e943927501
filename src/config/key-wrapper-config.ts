import { join } from 'node:path';
import type { KeyWrapperKind } from '../ports/key-wrapper.ts';
import type { SecretValue } from '../ports/secret-value.ts';
import { keyWrapperSettings } from './key-wrapper-settings.ts';
import type { Reader } from './reader.ts';
import type { VaultConfig } from './vault-config.ts';

/** What wraps the root key. `keyFile` is absolute; the pin and the passphrase's salt are named after it, whatever wraps. */
export type KeyWrapperConfig = { readonly keyFile: string } & (
  | { readonly kind: 'key-file' }
  | { readonly kind: 'passphrase'; readonly passphrase: SecretValue }
  | { readonly kind: 'vault-transit'; readonly mount: string; readonly key: string; readonly vault: VaultConfig }
);

export interface WrapperParts {
  readonly kind: KeyWrapperKind;
  readonly keyFile: string;
  readonly passphrase: SecretValue | null;
  readonly transitMount: string;
  readonly transitKey: string;
  readonly vault: VaultConfig | null;
}

/** How the key file's name is found where none is given. */
function keyFileIn(dataDir: string): string {
  return join(dataDir, 'keyhold.key');
}

/** The wrapper that these parts make; what it lacks the reader knows afterwards. `names` are its variables, for messages. */
export function keyWrapperOf(reader: Reader, parts: WrapperParts, names: { readonly wrapper: string; readonly passphrase: string }): KeyWrapperConfig {
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
    case 'azure-key':
      break;
  }
  // Never used: a problem keeps everything from starting.
  return Object.freeze({ kind: 'key-file', keyFile });
}

/** Reads what wraps the root key now. `vault` is how Vault is reached, where it is. */
export function readKeyWrapper(reader: Reader, dataDir: string, vaultFor: (needs: string) => VaultConfig | null): KeyWrapperConfig {
  const { keyWrapper, keyFile, keyPassphrase, transitMount, transitKey } = keyWrapperSettings;
  const kind = reader.read(keyWrapper);
  const givenKeyFile = reader.read(keyFile);
  const file = givenKeyFile === null ? keyFileIn(dataDir) : reader.absolute(givenKeyFile);
  reader.show(keyFile, file);
  const parts = { kind, keyFile: file, passphrase: reader.read(keyPassphrase), transitMount: reader.read(transitMount), transitKey: reader.read(transitKey) };
  const vault = kind === 'vault-transit' ? vaultFor(`${keyWrapper.name}=vault-transit`) : null;
  return keyWrapperOf(reader, { ...parts, vault }, { wrapper: keyWrapper.name, passphrase: keyPassphrase.name });
}
