import type { VaultAuth } from '../adapters/vault/vault-auth.ts';
import { configurationError } from './configuration-error.ts';
import type { Environment } from './environment.ts';
import type { ProxyRules } from '../egress/proxies.ts';
import { proxyConfig } from './proxy-config.ts';
import { Reader } from './reader.ts';
import { settings } from './settings.ts';
import { isPlainHttp, vaultTls } from './vault-config.ts';
import { vaultSettings } from './vault-settings.ts';

/** An administrator's way into Vault. */
export interface VaultAdministrator {
  readonly address: string;
  readonly auth: VaultAuth;
  readonly namespace?: string;
  readonly tls: { readonly ca?: string; readonly cert?: string; readonly key?: string };
  /** null: it is reached directly. */
  readonly proxies: ProxyRules | null;
}

/** Where in Vault Keyhold will look (R2.6). Whether Vault is switched on for `serve` does not matter. Throws `StartError` (2). */
export function vaultPlaces(environment: Environment): { readonly mount: string; readonly secretPath: string } {
  const reader = new Reader(environment);
  const [mount, secretPath] = [reader.read(vaultSettings.vaultMount), reader.read(vaultSettings.vaultSecretPath)];
  if (reader.problems.length > 0) throw configurationError(reader.problems);
  return { mount, secretPath };
}

/** Vault with the token of somebody who may change its set-up. Throws `StartError` (2). */
export function vaultAdministrator(environment: Environment): VaultAdministrator {
  const reader = new Reader(environment);
  const { vaultAddress, vaultToken, vaultTokenFile, vaultNamespace } = vaultSettings;
  const [address, token, tokenFile, namespace, mode, allowHttp] = [
    reader.read(vaultAddress),
    reader.read(vaultToken),
    reader.read(vaultTokenFile),
    reader.read(vaultNamespace),
    reader.read(settings.mode),
    reader.read(settings.allowHttpUpstream),
  ];
  const tls = vaultTls(reader);
  const proxies = proxyConfig(reader, []);
  if (!reader.isSet(vaultAddress)) reader.problems.push('VAULT_ADDR is not set: --apply needs the address of Vault. Example: VAULT_ADDR=https://vault.example.com:8200');
  if (!reader.isSet(vaultToken) && !reader.isSet(vaultTokenFile)) {
    reader.problems.push('VAULT_TOKEN is not set: --apply needs the token of an administrator of Vault, this once. Example: VAULT_TOKEN="$(vault print token)"');
  }
  if (address !== null && mode === 'production' && !allowHttp && isPlainHttp(address)) {
    reader.problems.push('VAULT_ADDR is http outside this machine, so the token would travel unencrypted. Use https, or set KEYHOLD_ALLOW_HTTP_UPSTREAM=true.');
  }
  const auth: VaultAuth | undefined = token !== null ? { kind: 'token', token } : tokenFile !== null ? { kind: 'token-file', file: reader.absolute(tokenFile) } : undefined;
  if (reader.problems.length > 0 || address === null || auth === undefined) throw configurationError(reader.problems);
  return { address, auth, ...(namespace === null ? {} : { namespace }), tls, proxies };
}
