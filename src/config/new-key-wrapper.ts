import { resolve } from 'node:path';
import { configurationError } from './configuration-error.ts';
import type { Environment } from './environment.ts';
import { azureIdentity } from './azure-config.ts';
import { type KeyWrapperConfig, keyWrapperOf, readKeyWrapper, type WrapperServices } from './key-wrapper-config.ts';
import { proxyConfig } from './proxy-config.ts';
import { Reader } from './reader.ts';
import { settings } from './settings.ts';
import { type VaultConfig, vaultConfig } from './vault-config.ts';

export interface WrapperChange {
  readonly present: KeyWrapperConfig;
  /** null: nothing else is to wrap the root key, but the newest version of the key that does. */
  readonly next: KeyWrapperConfig | null;
}

/** What is to wrap the root key, by the `KEYHOLD_NEW_` variables as they are now. Throws `StartError` (2) with every problem at once. */
export function readWrapperChange(environment: Environment): WrapperChange {
  const reader = new Reader(environment);
  const dataDir = resolve(environment.workingDirectory, reader.read(settings.dataDir));
  const refusesHttp = reader.read(settings.mode) === 'production' && !reader.read(settings.allowHttpUpstream);
  let vault: VaultConfig | null | undefined;
  const vaultFor = (needs: string): VaultConfig | null => {
    vault ??= vaultConfig(reader, { needs, refusesHttp, enableFallback: false, proxies: proxyConfig(reader, []) });
    return vault;
  };
  const mode = reader.read(settings.mode);
  const services: WrapperServices = { vaultFor, identityFor: () => azureIdentity(reader, mode) };
  const present = readKeyWrapper(reader, dataDir, services);
  const next = nextWrapper(reader, present, services);
  if (reader.problems.length > 0) throw configurationError(reader.problems);
  return { present, next };
}

function nextWrapper(reader: Reader, present: KeyWrapperConfig, { vaultFor, identityFor }: WrapperServices): KeyWrapperConfig | null {
  const { newKeyWrapper, newKeyFile, newKeyPassphrase, newTransitMount, newTransitKey, newAzureKey } = settings;
  if (![newKeyWrapper, newKeyFile, newKeyPassphrase, newTransitMount, newTransitKey, newAzureKey].some((setting) => reader.isSet(setting))) return null;
  const kind = reader.read(newKeyWrapper) ?? present.kind;
  const givenFile = reader.read(newKeyFile);
  const keyFile = givenFile === null ? present.keyFile : reader.absolute(givenFile);
  const newPassphrase = reader.read(newKeyPassphrase);
  const next = keyWrapperOf(
    reader,
    {
      kind,
      keyFile,
      passphrase: newPassphrase ?? (present.kind === 'passphrase' ? present.passphrase : null),
      transitMount: reader.read(newTransitMount) ?? (present.kind === 'vault-transit' ? present.mount : settings.transitMount.fallback),
      transitKey: reader.read(newTransitKey) ?? (present.kind === 'vault-transit' ? present.key : settings.transitKey.fallback),
      vault: kind === 'vault-transit' ? vaultFor(`${newKeyWrapper.name}=vault-transit`) : null,
      azureKey: reader.read(newAzureKey) ?? (present.kind === 'azure-key' ? { vaultUrl: present.vaultUrl, key: present.key } : null),
      identity: kind === 'azure-key' ? identityFor() : null,
    },
    { wrapper: newKeyWrapper.name, passphrase: newKeyPassphrase.name, azureKey: newAzureKey.name },
  );
  if (next.kind === 'key-file' && present.kind === 'key-file' && next.keyFile === present.keyFile) {
    reader.problems.push(`KEYHOLD_NEW_KEY_FILE has to name another file than the present key file. Example: KEYHOLD_NEW_KEY_FILE=${present.keyFile}-2`);
  }
  return next;
}
