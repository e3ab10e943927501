/**
 * Microsoft's clouds: where vaults' secrets are (https://learn.microsoft.com/azure/key-vault/general/about-keys-secrets-certificates#dns-suffixes-for-object-identifiers), and who
 * gives out the tokens for them (https://learn.microsoft.com/entra/identity-platform/authentication-national-cloud).
 */
const CLOUDS = [
  { vaultSuffix: 'vault.azure.net', authority: 'login.microsoftonline.com' },
  { vaultSuffix: 'vault.azure.cn', authority: 'login.chinacloudapi.cn' },
  { vaultSuffix: 'vault.usgovcloudapi.net', authority: 'login.microsoftonline.us' },
] as const;

const VAULT_NAME = /^[a-z][a-z0-9-]{1,22}[a-z0-9]$/u;

/** Whether a vault's host is one of a known cloud (S20). */
export function isKnownVault(url: string): boolean {
  return cloudOf(url) !== undefined;
}

export function isKnownAuthority(url: string): boolean {
  const { host } = new URL(url);
  return CLOUDS.some(({ authority }) => authority === host);
}

/** Who gives out tokens for the vaults of this one's cloud; undefined for a host that is in none. */
export function authorityFor(url: string): string | undefined {
  const cloud = cloudOf(url);
  return cloud === undefined ? undefined : `https://${cloud.authority}`;
}

function cloudOf(url: string): (typeof CLOUDS)[number] | undefined {
  const { hostname, port } = new URL(url);
  if (port !== '') return undefined;
  return CLOUDS.find(({ vaultSuffix }) => hostname.endsWith(`.${vaultSuffix}`) && VAULT_NAME.test(hostname.slice(0, -vaultSuffix.length - 1)));
}
