import { SecretClient, type SecretProperties } from '@azure/keyvault-secrets';
import { ClientSecretCredential } from '@azure/identity';
import type { SecretPermission } from './servers/azure/permissions.ts';
import { type AzureServer, type AzureServerOptions, startAzureServer } from './servers/azure/server.ts';
import { startStoreWorld, type StoreWorld } from './store-world.ts';
import { readStoredState } from './stored-state.ts';

export const documentedPermissions: readonly SecretPermission[] = ['get', 'list', 'set', 'delete'];

/** One version of a secret as an administrator finds it in the vault. */
interface VersionInAzure {
  readonly version: string;
  /** null where it is switched off. */
  readonly value: string | null;
  readonly properties: SecretProperties;
}

/** An Azure Key Vault on this machine, a provider, and a Keyhold that signs in as an app of its own. As in production, new keys are refused while the vault is away. */
export interface AzureWorld extends StoreWorld {
  readonly azure: AzureServer;
  /** As somebody who may do everything, past Keyhold. */
  readonly administrator: SecretClient;
  /** What Keyhold's app may do from now on. */
  allow(...permissions: readonly SecretPermission[]): void;
  /** Every version under a name, oldest first; empty where there is none, or it is deleted. */
  versions(name: string): Promise<readonly VersionInAzure[]>;
  /** What whoever reads the secret by its name gets; null where nothing, or it is switched off. */
  newest(name: string): Promise<string | null>;
}

export async function startAzureWorld(options: AzureServerOptions = {}): Promise<AzureWorld> {
  const azure = await startAzureServer(options);
  azure.trust();
  const app = azure.directory.addApp();
  const allow = (...permissions: readonly SecretPermission[]): void => azure.vault.permissions.setPolicy(app, { secrets: permissions });
  allow(...documentedPermissions, 'recover');
  const { AZURE_CLIENT_ID: clientId = '', AZURE_CLIENT_SECRET: secret = '' } = azure.environment();
  const administrator = new SecretClient(azure.vault.url, new ClientSecretCredential(azure.directory.tenantId, clientId, secret, { authorityHost: azure.authority.url, disableInstanceDiscovery: true }), { disableChallengeResourceVerification: true });
  const world = await startStoreWorld({ ...azure.environment(app), KEY_VAULT_ENABLE_FALLBACK: 'false' });
  const valueOf = async (name: string, version?: string): Promise<string | null> => {
    try {
      return (await administrator.getSecret(name, version === undefined ? {} : { version })).value ?? null;
    } catch (error) {
      if ([403, 404].includes((error as { readonly statusCode?: number }).statusCode ?? 0)) return null;
      throw error;
    }
  };
  return {
    ...world,
    azure,
    administrator,
    allow,
    versions: async (name) => {
      const found: VersionInAzure[] = [];
      try {
        for await (const properties of administrator.listPropertiesOfSecretVersions(name)) {
          found.push({ version: properties.version ?? '', properties, value: properties.enabled === true ? await valueOf(name, properties.version) : null });
        }
      } catch (error) {
        if ((error as { readonly statusCode?: number }).statusCode !== 404) throw error;
      }
      return found.toSorted((a, b) => Number(a.properties.createdOn) - Number(b.properties.createdOn) || versionOf(a) - versionOf(b));
    },
    newest: (name) => valueOf(name),
    close: async () => {
      await world.close();
      await azure.close();
    },
  };
}

/** Versions of one second are told apart by the credential's own version. */
function versionOf({ properties: { tags } }: VersionInAzure): number {
  return Number(tags?.['keyhold-version'] ?? 0);
}

/** What a tenant's credential is called in the vault. */
export function azureName({ id }: { readonly id: string }, service = 'openai'): string {
  return `ai-provider-${service}-tenant-${id}`;
}

/** What of a tenant's credential for openai lies in the vault although no record knows of it, or does not lie there although one does; in words. */
export async function problemsOf(world: AzureWorld, tenant: { readonly id: string }): Promise<readonly string[]> {
  const record = readStoredState(world.dataDir).credentials.find(({ scope }) => scope.kind === 'tenant' && scope.tenant === tenant.id);
  const versions = await world.versions(azureName(tenant));
  const problems: string[] = [];
  if ((record?.intent ?? null) !== null) problems.push('an intent is open');
  const current = record?.state === 'active' ? record.current?.reference.version : undefined;
  if (record?.state === 'deleted' && versions.length > 0) problems.push('the name is there although the credential is deleted');
  if (current !== undefined && !versions.some(({ version, value }) => version === current && value !== null)) problems.push(`the version ${current} of the record is not there`);
  const known = new Set([current, ...(record?.retired ?? []).map(({ reference }) => reference.version)]);
  for (const { version, value, properties } of versions) {
    if (value !== null && !known.has(version) && !known.has(properties.tags?.['keyhold-copy-of'])) problems.push(`the version ${version} is on and nobody's`);
  }
  return problems;
}
