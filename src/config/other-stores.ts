import type { Environment } from './environment.ts';
import { findVariable } from './variables.ts';
import { isPlainHttp, type VaultConfig } from './vault-config.ts';

/**
 * Variables that ask for a store this version does not have (R0.5). Going on would put keys somewhere else than the operator said,
 * so each is a reason not to start.
 */
export function otherStores(environment: Environment): readonly string[] {
  const problems: string[] = [];
  const value = (name: string): string => findVariable(environment, name)?.text ?? '';
  const keyVaultSwitch = value('ENABLE_KEY_VAULT').toLowerCase();
  if (value('AZURE_KEY_VAULT_URL') !== '' && keyVaultSwitch !== 'false') {
    problems.push('AZURE_KEY_VAULT_URL asks for Azure Key Vault, which this version cannot use. Set ENABLE_KEY_VAULT=false to keep keys in the encrypted database.');
  } else if (keyVaultSwitch === 'true') {
    problems.push('ENABLE_KEY_VAULT=true asks for Azure Key Vault, which this version cannot use. Remove it to keep keys in the encrypted database.');
  }
  if (value('COSMOS_DB_ENDPOINT') !== '') {
    problems.push('COSMOS_DB_ENDPOINT asks for Cosmos DB, which this version cannot use. Remove it to keep the database in SQLite.');
  }
  return problems;
}

/** Variables that name a server without switching it on, or one that nothing depends on here. */
export function unusedServers(environment: Environment, vaultWraps: boolean): readonly string[] {
  const warnings: string[] = [];
  if (!vaultWraps && findVariable(environment, 'VAULT_ADDR') !== undefined && findVariable(environment, 'VAULT_ENABLED') === undefined) {
    warnings.push('VAULT_ADDR is set, but only VAULT_ENABLED=true switches Vault on. Keys are kept in the encrypted database.');
  }
  if (findVariable(environment, 'REDIS_URL') !== undefined) {
    warnings.push('REDIS_URL is set, but this version runs as one process and does not use Redis.');
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
