import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import type { TestTenant } from './api.ts';
import { runToEnd } from './product.ts';
import { readStoredState } from './stored-state.ts';
import { startVault, type VaultOptions, type VaultServer } from './servers/vault.ts';
import { builtVault } from './servers/vault-binary.ts';
import { startStoreWorld, type StoreWorld } from './store-world.ts';

/**
 * A real Vault, set up by the product's own bootstrap, a provider on this machine, and a Keyhold that signs in as the AppRole. As in production, new
 * keys are refused while Vault is away. `VAULT_ADDR` may be replaced by a proxy's.
 */
export interface VaultWorld extends StoreWorld {
  readonly vault: VaultServer;
  /** The vault command line of the same build, as an administrator. */
  cli(...args: readonly string[]): Promise<string>;
}

/** `more`: how Vault is reached, besides its address. */
export async function startVaultWorld(options: VaultOptions = {}, more: Readonly<Record<string, string>> = {}): Promise<VaultWorld> {
  const vault = await startVault(options);
  const world = await startStoreWorld({ VAULT_ENABLED: 'true', VAULT_ADDR: vault.address, VAULT_ENABLE_FALLBACK: 'false', ...more, ...(await bootstrapped(vault, more)) });
  return {
    ...world,
    vault,
    cli: async (...args) => {
      const { stdout } = await promisify(execFile)(builtVault() ?? '', [...args], { env: { HOME: vault.folder, VAULT_ADDR: vault.address, VAULT_TOKEN: vault.rootToken } });
      return stdout;
    },
    close: async () => {
      await world.close();
      await vault.close();
    },
  };
}

/** Role and secret of the AppRole that `keyhold vault bootstrap` makes, as Keyhold's variables. */
export async function bootstrapped(vault: VaultServer, more: Readonly<Record<string, string>> = {}): Promise<Record<string, string>> {
  const { code, stdout, output } = await runToEnd({ args: ['vault', 'bootstrap', '--apply', '--secret-id', '--audit-file', vault.auditFile], env: { VAULT_ADDR: vault.address, VAULT_TOKEN: vault.rootToken, ...more } });
  if (code !== 0) throw new Error(`Vault could not be set up: ${output}`);
  return Object.fromEntries(stdout.trim().split('\n').map((line) => line.split('=') as [string, string]));
}

/** One version of a secret, looked up in Vault itself. */
export interface VersionInVault {
  readonly version: number;
  readonly state: 'live' | 'removed' | 'destroyed';
  readonly fields: Readonly<Record<string, unknown>> | null;
}

/** Every version that Vault has under a path below the mount, oldest first; empty where there is none. */
export async function versionsInVault(vault: VaultServer, secret: string): Promise<readonly VersionInVault[]> {
  const { status, body } = await vault.call('GET', `secret/metadata/${secret}`);
  if (status === 404) return [];
  const { versions } = (body as { readonly data: { readonly versions: Readonly<Record<string, { readonly deletion_time: string; readonly destroyed: boolean }>> } }).data;
  const entries = Object.entries(versions).map(([version, { deletion_time: removal, destroyed }]) => ({ version: Number(version), state: destroyed ? ('destroyed' as const) : removal === '' ? ('live' as const) : ('removed' as const) }));
  const found: VersionInVault[] = [];
  for (const entry of entries.toSorted((a, b) => a.version - b.version)) {
    const read = entry.state === 'live' ? await vault.call('GET', `secret/data/${secret}?version=${entry.version}`) : undefined;
    // Taken away since the list was made.
    if (read?.status === 404) return versionsInVault(vault, secret);
    found.push({ ...entry, fields: read === undefined ? null : (read.body as { readonly data: { readonly data: Record<string, unknown> } }).data.data });
  }
  return found;
}

export function pathOf(tenant: Pick<TestTenant, 'id'>, service = 'openai'): string {
  return path.posix.join('tenants', tenant.id, 'api-keys', service);
}

/** What of a tenant's credential for openai lies in Vault although no record knows of it, or does not lie there although one does; in words. */
export async function problemsOf({ vault, dataDir }: VaultWorld, tenant: Pick<TestTenant, 'id'>): Promise<readonly string[]> {
  const record = readStoredState(dataDir).credentials.find(({ scope }) => scope.kind === 'tenant' && scope.tenant === tenant.id);
  const versions = await versionsInVault(vault, pathOf(tenant));
  const problems: string[] = [];
  if ((record?.intent ?? null) !== null) problems.push('an intent is open');
  const isKept = (record?.state === 'active' || record?.state === 'deleted') && record.current?.reference.store === 'vault';
  const current = isKept ? record.current?.reference.version : undefined;
  const retired = new Set(record?.retired.filter(({ reference }) => reference.store === 'vault').map(({ reference }) => reference.version));
  for (const { version, state } of versions) {
    const isCurrent = String(version) === current;
    if (isCurrent && state !== (record?.state === 'active' ? 'live' : 'removed')) problems.push(`the version ${version} of the record is ${state} while the credential is ${record?.state}`);
    if (!isCurrent && state !== 'destroyed' && !retired.has(String(version))) problems.push(`the version ${version} is ${state} and nobody's`);
  }
  if (current !== undefined && !versions.some(({ version }) => String(version) === current)) problems.push(`the version ${current} of the record is not there`);
  return problems;
}
