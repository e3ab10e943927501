import type { VaultAuth } from '../adapters/vault/vault-auth.ts';
import type { ProxyRules } from '../egress/proxies.ts';
import type { SecretValue } from '../ports/secret-value.ts';
import { isLoopback } from './loopback.ts';
import type { Reader } from './reader.ts';
import { vaultSettings } from './vault-settings.ts';

export interface VaultConfig {
  /** Scheme, host and port, perhaps a path before `/v1`. */
  readonly address: string;
  readonly signIn: VaultAuth;
  readonly namespace?: string;
  /** PEM texts. */
  readonly tls: { readonly ca?: string; readonly cert?: string; readonly key?: string };
  /** Of the KV v2 engine, without slashes around it. */
  readonly mount: string;
  /** Of the secret with the service's own keys, below the mount. */
  readonly secretPath: string;
  /** While it cannot be reached, new keys go to the encrypted database (R3.5). */
  readonly enableFallback: boolean;
  /** null: it is reached directly. */
  readonly proxies: ProxyRules | null;
}

export interface VaultRules {
  /** What needs Vault, for messages: `VAULT_ENABLED=true`. */
  readonly needs: string;
  /** http outside this machine is a problem, not a warning. */
  readonly refusesHttp: boolean;
  /** What holds where VAULT_ENABLE_FALLBACK is left out. */
  readonly enableFallback: boolean;
  readonly proxies: ProxyRules | null;
}

/** How the Vault that is needed is reached; null where something is wrong, which the reader then knows. */
export function vaultConfig(reader: Reader, { needs, refusesHttp, enableFallback, proxies }: VaultRules): VaultConfig | null {
  const address = reader.read(vaultSettings.vaultAddress);
  if (address === null && !reader.isSet(vaultSettings.vaultAddress)) {
    reader.problems.push(`${needs} needs VAULT_ADDR, the address of Vault. Example: VAULT_ADDR=https://vault.example.com:8200`);
  }
  if (address !== null && refusesHttp && isPlainHttp(address)) {
    reader.problems.push('VAULT_ADDR is http outside this machine, so keys would travel unencrypted. Use https, or set KEYHOLD_ALLOW_HTTP_UPSTREAM=true.');
  }
  const signIn = vaultSignIn(reader, needs);
  const namespace = reader.read(vaultSettings.vaultNamespace);
  const tls = vaultTls(reader);
  const mount = reader.read(vaultSettings.vaultMount);
  const secretPath = reader.read(vaultSettings.vaultSecretPath);
  const givenFallback = reader.read(vaultSettings.vaultEnableFallback);
  if (address === null || signIn === null) return null;
  return Object.freeze({ address, signIn: Object.freeze(signIn), ...(namespace === null ? {} : { namespace }), tls, mount, secretPath, enableFallback: givenFallback ?? enableFallback, proxies });
}

/** Whether requests would leave this machine unencrypted. */
export function isPlainHttp(address: string): boolean {
  const url = URL.parse(address);
  return url?.protocol === 'http:' && !isLoopback(url.hostname);
}

/** One way, completely given; a second one would leave open which of them counts. */
function vaultSignIn(reader: Reader, needs: string): VaultAuth | null {
  const { vaultToken, vaultTokenFile, vaultRoleId, vaultSecretId, vaultWrappedSecretId, vaultKubernetesRole, vaultKubernetesAudience, vaultKubernetesTokenFile } = vaultSettings;
  const isAppRole = [vaultRoleId, vaultSecretId, vaultWrappedSecretId].some((setting) => reader.isSet(setting));
  const ways = [
    ...[vaultToken, vaultTokenFile, vaultKubernetesRole].filter((setting) => reader.isSet(setting)).map(({ name }) => name),
    ...(isAppRole ? [reader.isSet(vaultRoleId) ? vaultRoleId.name : vaultSecretId.name] : []),
  ];
  const [token, tokenFile, roleId, secretId, wrappedSecretId, role, audience, jwtFile] = [
    reader.read(vaultToken),
    reader.read(vaultTokenFile),
    reader.read(vaultRoleId),
    reader.readOrFile(vaultSecretId),
    reader.readOrFile(vaultWrappedSecretId),
    reader.read(vaultKubernetesRole),
    reader.read(vaultKubernetesAudience),
    reader.read(vaultKubernetesTokenFile),
  ];
  if (ways.length === 0) {
    reader.problems.push(`${needs} needs a way to sign in to Vault. Set one of VAULT_TOKEN, VAULT_TOKEN_FILE, VAULT_ROLE_ID with VAULT_SECRET_ID, or VAULT_K8S_ROLE.`);
    return null;
  }
  if (ways.length > 1) {
    reader.problems.push(`${ways.join(', ')} are different ways to sign in to Vault, and only one can count. Keep one of them.`);
    return null;
  }
  for (const setting of [vaultKubernetesAudience, vaultKubernetesTokenFile].filter((belonging) => role === null && reader.isSet(belonging))) {
    reader.problems.push(`${setting.name} belongs to VAULT_K8S_ROLE, which is not set. Set it, or remove ${setting.name}.`);
  }
  if (token !== null) return { kind: 'token', token };
  if (tokenFile !== null) return { kind: 'token-file', file: reader.absolute(tokenFile) };
  if (role !== null) return { kind: 'kubernetes', role, ...(audience === null ? {} : { audience }), ...(jwtFile === null ? {} : { tokenFile: reader.absolute(jwtFile) }) };
  return isAppRole ? appRole(reader, roleId, secretId, wrappedSecretId) : null;
}

type SecretOrFile = ReturnType<Reader['readOrFile']>;

function appRole(reader: Reader, roleId: SecretValue | null, secretId: SecretOrFile, wrappedSecretId: SecretOrFile): VaultAuth | null {
  const { vaultRoleId, vaultSecretId, vaultWrappedSecretId } = vaultSettings;
  const isGiven = [vaultSecretId, vaultWrappedSecretId].map((setting) => reader.isSet(setting));
  if (!reader.isSet(vaultRoleId)) reader.problems.push('VAULT_SECRET_ID needs VAULT_ROLE_ID, the role_id of the same AppRole. `vault read auth/approle/role/ai-gateway/role-id` shows it.');
  if (!isGiven.includes(true)) reader.problems.push('VAULT_ROLE_ID needs VAULT_SECRET_ID, or VAULT_WRAPPED_SECRET_ID. `vault write -f auth/approle/role/ai-gateway/secret-id` makes one.');
  if (!isGiven.includes(false)) reader.problems.push('VAULT_SECRET_ID and VAULT_WRAPPED_SECRET_ID are both set, and only one can count. Keep one of them.');
  if (roleId === null) return null;
  if (secretId !== null) return { kind: 'app-role', roleId: roleId.reveal(), secretId };
  return wrappedSecretId === null ? null : { kind: 'wrapped-app-role', roleId: roleId.reveal(), wrappedSecretId };
}

/** The PEM texts that the settings name; what is wrong with them the reader knows afterwards. */
export function vaultTls(reader: Reader): VaultConfig['tls'] {
  const { vaultCaCert, vaultClientCert, vaultClientKey } = vaultSettings;
  const [ca, cert, key] = [reader.readFileNamedBy(vaultCaCert), reader.readFileNamedBy(vaultClientCert), reader.readFileNamedBy(vaultClientKey)];
  if (reader.isSet(vaultClientCert) !== reader.isSet(vaultClientKey)) {
    reader.problems.push('VAULT_CLIENT_CERT and VAULT_CLIENT_KEY belong together: the certificate and its key. Set both, or none.');
  }
  for (const [setting, text] of [[vaultCaCert, ca], [vaultClientCert, cert], [vaultClientKey, key]] as const) {
    if (text !== undefined && !text.includes('-----BEGIN ')) reader.problems.push(`${setting.name} names a file that is not PEM: it has no line that begins with -----BEGIN. Convert it, or name the right file.`);
  }
  return Object.freeze({ ...(ca === undefined ? {} : { ca }), ...(cert === undefined ? {} : { cert }), ...(key === undefined ? {} : { key }) });
}
