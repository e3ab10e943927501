import type { AzureIdentity } from '../adapters/azure/azure-credential.ts';
import { isKnownAuthority, isKnownVault } from '../adapters/azure/azure-clouds.ts';
import { azureSettings } from './azure-settings.ts';
import type { Config } from './config.ts';
import type { Reader } from './reader.ts';

export interface KeyVaultConfig {
  /** Scheme, host and perhaps port. */
  readonly url: string;
  readonly identity: AzureIdentity;
  /** How long a value serves from memory (R1.1). */
  readonly cacheTtlMs: number;
  /** While the vault cannot be reached, new values may go to the encrypted database (R3.5). */
  readonly enableFallback: boolean;
}

export interface ReadKeyVault {
  /** Whether the variables ask for a Key Vault (R0.5), were the rest of them right or wrong. */
  readonly isOn: boolean;
  /** null where none is switched on, or something is wrong, which the reader then knows. */
  readonly keyVault: KeyVaultConfig | null;
}

/** The Key Vault that is switched on. */
export function keyVaultConfig(reader: Reader, mode: Config['mode']): ReadKeyVault {
  const { keyVaultUrl, keyVaultEnabled, keyVaultCacheTtl, keyVaultFallback } = azureSettings;
  const [url, enabled] = [reader.read(keyVaultUrl), reader.read(keyVaultEnabled)];
  if (!reader.isSet(keyVaultUrl)) {
    if (enabled === true) reader.problems.push(`Key Vault is not configured: ENABLE_KEY_VAULT=true needs AZURE_KEY_VAULT_URL, the vault's address. Example: AZURE_KEY_VAULT_URL=${keyVaultUrl.example}`);
    return { isOn: false, keyVault: null };
  }
  if (enabled === false) return { isOn: false, keyVault: null };
  const cacheTtlMs = reader.read(keyVaultCacheTtl);
  const enableFallback = reader.read(keyVaultFallback) ?? mode === 'development';
  const identity = azureIdentity(reader, mode);
  if (url === null) return { isOn: true, keyVault: null };
  if (!isKnownVault(url) && !identity.isDisconnected) {
    reader.problems.push('AZURE_KEY_VAULT_URL names a host that is no vault of Azure\'s clouds: it should look like https://my-vault.vault.azure.net/. For a private cloud or a test server set KEYHOLD_AZURE_DISCONNECTED=true.');
  }
  return { isOn: true, keyVault: Object.freeze({ url, identity, cacheTtlMs, enableFallback }) };
}

/** As whom Keyhold signs in to Azure. What is wrong with the variables the reader knows afterwards. */
export function azureIdentity(reader: Reader, mode: Config['mode']): AzureIdentity {
  const { azureTenantId, azureClientId, azureClientSecret, azureFederatedTokenFile, azureAuthorityHost, azureDisconnected, keyVaultManagedIdentity } = azureSettings;
  const [tenantId, clientId, clientSecret] = [reader.read(azureTenantId), reader.read(azureClientId), reader.read(azureClientSecret)];
  const [tokenFile, authorityHost, isDisconnected] = [reader.read(azureFederatedTokenFile), reader.read(azureAuthorityHost), reader.read(azureDisconnected)];
  if (authorityHost !== null && !isKnownAuthority(authorityHost) && !isDisconnected) {
    reader.problems.push(`AZURE_AUTHORITY_HOST names a host that is no authority of Azure's clouds. Example: AZURE_AUTHORITY_HOST=${azureAuthorityHost.example}. For a private cloud or a test server set KEYHOLD_AZURE_DISCONNECTED=true.`);
  }
  const missing = [azureTenantId, azureClientId].filter((setting) => !reader.isSet(setting)).map(({ name }) => name);
  if (clientSecret !== null && missing.length > 0) {
    reader.problems.push(`AZURE_CLIENT_SECRET belongs to a service principal, of which ${missing.join(' and ')} ${missing.length === 1 ? 'is' : 'are'} missing. Set all three, or none.`);
  }
  const servicePrincipal = tenantId !== null && clientId !== null && clientSecret !== null ? { tenantId, clientId, clientSecret } : null;
  const usesManagedIdentity = reader.read(keyVaultManagedIdentity) ?? (mode === 'production' && servicePrincipal === null);
  return Object.freeze({
    servicePrincipal: usesManagedIdentity ? null : servicePrincipal,
    workload: tokenFile !== null && tenantId !== null && clientId !== null ? { tenantId, clientId, tokenFile: reader.absolute(tokenFile) } : null,
    managed: usesManagedIdentity ? { clientId } : null,
    authorityHost,
    isDisconnected,
  });
}

/** What an operator of Azure should know at every start. */
export function azureWarnings(reader: Reader, keyVault: KeyVaultConfig | null, store: Config['store']): readonly string[] {
  const warnings: string[] = [];
  if (keyVault === null) {
    if (store === 'sealed' && reader.isSet(azureSettings.keyVaultUrl)) {
      warnings.push('Key Vault service not initialized - will use legacy encryption: ENABLE_KEY_VAULT=false switches it off, so new keys go to the encrypted database. Remove it to keep them in Azure Key Vault.');
    }
    return warnings;
  }
  if (store === 'sealed') {
    warnings.push('Key Vault service not initialized - will use legacy encryption: KEYHOLD_STORE=sealed sends new keys to the encrypted database, and Azure Key Vault serves those it has. Set KEYHOLD_STORE=azure-key-vault to keep new ones there, too.');
  }
  if (keyVault.identity.isDisconnected) {
    warnings.push('KEYHOLD_AZURE_DISCONNECTED=true: neither the vault nor where its tokens come from is checked to be Azure\'s. It is for private clouds and test servers only.');
  }
  if (keyVault.identity.managed !== null && reader.isSet(azureSettings.azureClientSecret)) {
    warnings.push('AZURE_CLIENT_SECRET is not used, since KEY_VAULT_USE_MANAGED_IDENTITY=true. Remove one of them.');
  }
  return warnings;
}
