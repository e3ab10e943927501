import { describe, expect, it } from 'vitest';
import { allServices } from '../../catalog/all-services.ts';
import { StartError } from '../ports/start-error.ts';
import { type Config, loadConfig } from './config.ts';

const url = 'https://my-vault.vault.azure.net/';
const principal = { AZURE_TENANT_ID: '11111111-2222-3333-4444-555555555555', AZURE_CLIENT_ID: '66666666-7777-8888-9999-000000000000', AZURE_CLIENT_SECRET: 'not-a-real-secret' };
const vault = { VAULT_ENABLED: 'true', VAULT_ADDR: 'https://vault.example.com:8200', VAULT_TOKEN: 'not-a-real-token' };

function load(variables: Record<string, string>): Config {
  return loadConfig({ workingDirectory: '/srv/app', variables: { KEYHOLD_KEY_FILE: '/etc/keyhold/key', ...variables }, dotenv: {}, execArgv: ['--disable-sigusr1', '--report-exclude-env'], inspectorUrl: undefined }, allServices).config;
}

function refusal(variables: Record<string, string>): string {
  try {
    load(variables);
  } catch (error) {
    if (error instanceof StartError) return error.message;
    throw error;
  }
  throw new Error('The configuration was accepted.');
}

describe('Azure Key Vault in the configuration (R1.1, R0.5)', () => {
  it('R1.1 is on with the vault\'s URL alone: managed identity in production, five minutes of cache, no fallback', () => {
    const { store, keyVault, warnings } = load({ AZURE_KEY_VAULT_URL: url });
    expect(store).toBe('azure-key-vault');
    expect(keyVault).toEqual({
      url: 'https://my-vault.vault.azure.net',
      identity: { servicePrincipal: null, workload: null, managed: { clientId: null }, authorityHost: null, isDisconnected: false },
      cacheTtlMs: 300_000,
      enableFallback: false,
    });
    expect(warnings).toEqual([]);
  });

  it('R1.1 in development it is the service principal, or whoever has signed in with az login, and the fallback is on', () => {
    const { keyVault } = load({ NODE_ENV: 'development', AZURE_KEY_VAULT_URL: url });
    expect(keyVault).toMatchObject({ identity: { servicePrincipal: null, managed: null }, enableFallback: true });
    const withPrincipal = load({ NODE_ENV: 'development', AZURE_KEY_VAULT_URL: url, ...principal }).keyVault;
    expect(withPrincipal?.identity.servicePrincipal?.clientSecret.reveal()).toBe('not-a-real-secret');
    expect(JSON.stringify(withPrincipal)).not.toContain('not-a-real-secret');
  });

  it('R1.1 a complete service principal counts in production, unless managed identity is asked for', () => {
    expect(load({ AZURE_KEY_VAULT_URL: url, ...principal }).keyVault?.identity).toMatchObject({ servicePrincipal: { tenantId: principal.AZURE_TENANT_ID }, managed: null });
    const { keyVault, warnings } = load({ AZURE_KEY_VAULT_URL: url, ...principal, KEY_VAULT_USE_MANAGED_IDENTITY: 'true' });
    expect(keyVault?.identity).toMatchObject({ servicePrincipal: null, managed: { clientId: principal.AZURE_CLIENT_ID } });
    expect(warnings).toEqual([expect.stringContaining('AZURE_CLIENT_SECRET is not used')]);
  });

  it('R1.1 Workload Identity has its token file, and comes before managed identity', () => {
    const { AZURE_TENANT_ID: tenantId, AZURE_CLIENT_ID: clientId } = principal;
    expect(load({ AZURE_KEY_VAULT_URL: url, AZURE_TENANT_ID: tenantId, AZURE_CLIENT_ID: clientId, AZURE_FEDERATED_TOKEN_FILE: '/var/run/token' }).keyVault?.identity).toMatchObject({
      servicePrincipal: null,
      workload: { tenantId, clientId, tokenFile: '/var/run/token' },
      managed: { clientId },
    });
  });

  it('R1.1 KEY_VAULT_CACHE_TTL and KEY_VAULT_ENABLE_FALLBACK are as they are set', () => {
    expect(load({ AZURE_KEY_VAULT_URL: url, KEY_VAULT_CACHE_TTL: '1500', KEY_VAULT_ENABLE_FALLBACK: 'True' }).keyVault).toMatchObject({ cacheTtlMs: 1500, enableFallback: true });
    expect(refusal({ AZURE_KEY_VAULT_URL: url, KEY_VAULT_CACHE_TTL: '5m' })).toContain('KEY_VAULT_CACHE_TTL is "5m", but must be a number of milliseconds');
  });

  it.each([
    ['http://my-vault.vault.azure.net', 'is not the https:// address of a vault'],
    ['my-vault', 'is not the https:// address of a vault'],
    ['https://user:secret-pass@my-vault.vault.azure.net', 'holds a user name or a password'],
    ['https://my-vault.vault.azure.net/secrets', 'has something after the host'],
    ['https://vault.example.com', 'no vault of Azure\'s clouds'],
    ['https://my-vault.vault.azure.net.example.com', 'no vault of Azure\'s clouds'],
    ['https://a.b.vault.azure.net', 'no vault of Azure\'s clouds'],
    ['https://vault.azure.net', 'no vault of Azure\'s clouds'],
    ['https://my-vault.vault.azure.net:8443', 'no vault of Azure\'s clouds'],
  ])('S20 AZURE_KEY_VAULT_URL=%s is refused', (given, why) => {
    expect(refusal({ AZURE_KEY_VAULT_URL: given })).toContain(why);
    expect(refusal({ AZURE_KEY_VAULT_URL: given })).not.toContain('secret-pass');
  });

  it.each(['https://my-vault.vault.azure.cn/', 'https://my-vault.vault.usgovcloudapi.net'])('S20 %s is another cloud\'s', (given) => {
    expect(load({ AZURE_KEY_VAULT_URL: given }).keyVault?.url).toBe(given.replace(/\/$/, ''));
  });

  it('S20 any host is taken with KEYHOLD_AZURE_DISCONNECTED=true, which is warned about at every start', () => {
    const disconnected = { AZURE_KEY_VAULT_URL: 'https://127.0.0.1:8443/', AZURE_AUTHORITY_HOST: 'https://127.0.0.1:8444/', ...principal };
    expect(refusal(disconnected)).toMatch(/AZURE_AUTHORITY_HOST names a host.*\n.*AZURE_KEY_VAULT_URL names a host/);
    const { keyVault, warnings } = load({ ...disconnected, KEYHOLD_AZURE_DISCONNECTED: 'true' });
    expect(keyVault).toMatchObject({ url: 'https://127.0.0.1:8443', identity: { authorityHost: 'https://127.0.0.1:8444', isDisconnected: true } });
    expect(warnings).toEqual([expect.stringContaining('KEYHOLD_AZURE_DISCONNECTED=true')]);
  });

  it('R1.5 says in the documented words that there is no URL', () => {
    expect(refusal({ ENABLE_KEY_VAULT: 'true' })).toMatch(/^ {2}Key Vault is not configured: .*AZURE_KEY_VAULT_URL/m);
    expect(refusal({ KEYHOLD_STORE: 'azure-key-vault' })).toMatch(/^ {2}Key Vault is not configured: .*AZURE_KEY_VAULT_URL/m);
    expect(refusal({ KEYHOLD_STORE: 'azure-key-vault', AZURE_KEY_VAULT_URL: url, ENABLE_KEY_VAULT: 'false' })).toContain('Key Vault is not configured');
  });

  it('R1.5 warns in the documented words where keys go to the encrypted database instead', () => {
    const off = load({ AZURE_KEY_VAULT_URL: url, ENABLE_KEY_VAULT: 'false' });
    expect([off.store, off.keyVault, off.warnings]).toEqual(['sealed', null, [expect.stringMatching(/^Key Vault service not initialized - will use legacy encryption.*ENABLE_KEY_VAULT=false/)]]);
    const beside = load({ AZURE_KEY_VAULT_URL: url, KEYHOLD_STORE: 'sealed' });
    expect([beside.store, beside.keyVault === null, beside.warnings]).toEqual(['sealed', false, [expect.stringMatching(/^Key Vault service not initialized - will use legacy encryption.*KEYHOLD_STORE=sealed/)]]);
  });

  it('an incomplete service principal is named', () => {
    expect(refusal({ AZURE_KEY_VAULT_URL: url, AZURE_CLIENT_SECRET: 'not-a-real-secret' })).toContain('AZURE_TENANT_ID and AZURE_CLIENT_ID are missing');
    expect(refusal({ AZURE_KEY_VAULT_URL: url, AZURE_CLIENT_SECRET: 'not-a-real-secret\n', AZURE_TENANT_ID: 'x', AZURE_CLIENT_ID: 'y' })).toContain('AZURE_CLIENT_SECRET ends with a space or a newline');
  });

  it('R0.5 with two vaults on it must be said which takes new keys', () => {
    expect(refusal({ AZURE_KEY_VAULT_URL: url, ...vault })).toContain('Set KEYHOLD_STORE=azure-key-vault or KEYHOLD_STORE=vault');
    expect(load({ AZURE_KEY_VAULT_URL: url, ...vault, KEYHOLD_STORE: 'vault' })).toMatchObject({ store: 'vault', keyVault: { url: 'https://my-vault.vault.azure.net' } });
    expect(load({ AZURE_KEY_VAULT_URL: url, ...vault, KEYHOLD_STORE: 'azure-key-vault' }).store).toBe('azure-key-vault');
    expect(load({ AZURE_KEY_VAULT_URL: url, ENABLE_KEY_VAULT: 'false', ...vault }).store).toBe('vault');
  });
});
