import type { Environment } from './environment.ts';
import { findVariable } from './variables.ts';
import { isPlainHttp, type VaultConfig } from './vault-config.ts';

/** R0.5: new keys go to a store that is switched on; with two of them nobody can guess which. */
export function storeProblems(given: string | null, on: { readonly keyVault: boolean; readonly vault: boolean }): readonly string[] {
  if (given === 'azure-key-vault' && !on.keyVault) {
    return ['Key Vault is not configured: KEYHOLD_STORE=azure-key-vault needs it to be switched on. Set AZURE_KEY_VAULT_URL (and no ENABLE_KEY_VAULT=false), or KEYHOLD_STORE=sealed.'];
  }
  if (given === 'vault' && !on.vault) return ['KEYHOLD_STORE=vault needs HashiCorp Vault to be switched on. Set VAULT_ENABLED=true, or KEYHOLD_STORE=sealed.'];
  if (given === null && on.keyVault && on.vault) {
    return ['AZURE_KEY_VAULT_URL and VAULT_ENABLED=true switch two vaults on, and new keys can go to one of them only. Set KEYHOLD_STORE=azure-key-vault or KEYHOLD_STORE=vault; keys in the other one keep serving.'];
  }
  return [];
}

/** Variables that name a server without switching it on, or one that nothing depends on here. */
export function unusedServers(environment: Environment, vaultWraps: boolean): readonly string[] {
  const warnings: string[] = [];
  if (!vaultWraps && findVariable(environment, 'VAULT_ADDR') !== undefined && findVariable(environment, 'VAULT_ENABLED') === undefined) {
    warnings.push('VAULT_ADDR is set, but only VAULT_ENABLED=true switches Vault on.');
  }
  const cosmos = ['COSMOS_DB_KEY', 'COSMOS_DB_KEY_FILE'].find((name) => findVariable(environment, name) !== undefined);
  if (cosmos !== undefined && findVariable(environment, 'COSMOS_DB_ENDPOINT') === undefined) {
    warnings.push(`${cosmos} is set, but only COSMOS_DB_ENDPOINT switches Cosmos DB on.`);
  }
  return warnings;
}

/** What an operator of Vault may expect and does not get, and what the connection lacks. */
export function vaultWarnings(environment: Environment, vault: VaultConfig | null): readonly string[] {
  if (vault === null) return [];
  const warnings: string[] = [];
  const isOn = (name: string): boolean => ['1', 't', 'true'].includes(findVariable(environment, name)?.text.trim().toLowerCase() ?? '');
  if (isPlainHttp(vault.address)) warnings.push('VAULT_ADDR is http outside this machine: keys travel to Vault and back unencrypted. Use https.');
  if (isOn('VAULT_SKIP_VERIFY')) warnings.push('VAULT_SKIP_VERIFY is ignored: Vault\'s certificate is always checked. Name its CA with VAULT_CACERT.');
  return warnings;
}
