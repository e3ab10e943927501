import type { SecretValue } from '../ports/secret-value.ts';
import { azureAuthorityHost, azureClientSecret, azureId, cacheTtl, keyVaultUrl } from './azure-parsers.ts';
import { path, trueOrFalse } from './parsers.ts';
import type { Setting } from './settings.ts';

const url: Setting<string | null> = {
  name: 'AZURE_KEY_VAULT_URL',
  secret: false,
  description: [
    'Keeps keys in this Azure Key Vault. The AZURE_ and KEY_VAULT_ variables below count only then. docs/stores.md sets it up from nothing.',
  ],
  example: 'https://my-vault.vault.azure.net/',
  fallback: null,
  fallbackText: '',
  parse: keyVaultUrl,
};

const enabled: Setting<boolean | null> = {
  name: 'ENABLE_KEY_VAULT',
  secret: false,
  description: ['AZURE_KEY_VAULT_URL alone switches Key Vault on; false switches it off although the URL is set.'],
  example: 'true',
  fallback: null,
  fallbackText: '',
  parse: (text) => trueOrFalse(text.toLowerCase()),
};

const managedIdentity: Setting<boolean | null> = {
  name: 'KEY_VAULT_USE_MANAGED_IDENTITY',
  secret: false,
  description: [
    'How Keyhold signs in to Azure. true: as the managed identity of the machine, App Service or container it runs on.',
    'false: as the service principal below, else by Workload Identity, else as who is signed in with `az login`.',
  ],
  example: 'true',
  fallback: null,
  fallbackText: '<true in production, unless a complete service principal is given>',
  parse: (text) => trueOrFalse(text.toLowerCase()),
};

const tenantId: Setting<string | null> = {
  name: 'AZURE_TENANT_ID',
  secret: false,
  description: ['A service principal: its directory (tenant), application (client) and secret. Without the secret, the client is that of a user-assigned managed', 'identity or of Workload Identity.'],
  example: '00000000-0000-0000-0000-000000000000',
  fallback: null,
  fallbackText: '',
  parse: azureId,
};

const clientId: Setting<string | null> = {
  name: 'AZURE_CLIENT_ID',
  secret: false,
  description: ['The application\'s (client\'s) id.'],
  example: '00000000-0000-0000-0000-000000000000',
  fallback: null,
  fallbackText: '',
  parse: azureId,
};

const clientSecret: Setting<SecretValue | null> = {
  name: 'AZURE_CLIENT_SECRET',
  secret: true,
  description: ['The client secret.'],
  example: '<a client secret of the application>',
  fallback: null,
  fallbackText: '',
  parse: azureClientSecret,
};

const federatedTokenFile: Setting<string | null> = {
  name: 'AZURE_FEDERATED_TOKEN_FILE',
  secret: false,
  description: ['The file with the service account\'s token for Workload Identity; AKS sets it.'],
  example: '/var/run/secrets/azure/tokens/azure-identity-token',
  fallback: null,
  fallbackText: '',
  parse: path,
};

const authorityHost: Setting<string | null> = {
  name: 'AZURE_AUTHORITY_HOST',
  secret: false,
  description: ['Where tokens come from, in another cloud than the public one.'],
  example: 'https://login.microsoftonline.us',
  fallback: null,
  fallbackText: 'https://login.microsoftonline.com',
  parse: azureAuthorityHost,
};

const disconnected: Setting<boolean> = {
  name: 'KEYHOLD_AZURE_DISCONNECTED',
  secret: false,
  description: [
    'true is for private clouds and test servers: any https host is taken as a vault or an authority, and neither is checked against',
    'what Microsoft says of them. Name their CA with NODE_EXTRA_CA_CERTS.',
  ],
  example: 'false',
  fallback: false,
  fallbackText: 'false',
  parse: trueOrFalse,
};

const ttl: Setting<number> = {
  name: 'KEY_VAULT_CACHE_TTL',
  secret: false,
  description: ['How long a value from Key Vault serves from memory, in milliseconds.'],
  example: '300000',
  fallback: 300_000,
  fallbackText: '300000',
  parse: cacheTtl,
};

const fallbackAllowed: Setting<boolean | null> = {
  name: 'KEY_VAULT_ENABLE_FALLBACK',
  secret: false,
  description: ['true keeps new keys in the encrypted database while Key Vault cannot be reached.'],
  example: 'false',
  fallback: null,
  fallbackText: '<true in development, false in production>',
  parse: (text) => trueOrFalse(text.toLowerCase()),
};

/** R1.1. */
export const azureSettings = {
  keyVaultUrl: url,
  keyVaultEnabled: enabled,
  keyVaultManagedIdentity: managedIdentity,
  azureTenantId: tenantId,
  azureClientId: clientId,
  azureClientSecret: clientSecret,
  azureFederatedTokenFile: federatedTokenFile,
  azureAuthorityHost: authorityHost,
  azureDisconnected: disconnected,
  keyVaultCacheTtl: ttl,
  keyVaultFallback: fallbackAllowed,
} as const;
