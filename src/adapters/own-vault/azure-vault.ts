import type { Egress } from '../../egress/egress.ts';
import { KeyholdError } from '../../ports/errors.ts';
import type { OwnAzureKeyVault } from '../../ports/metadata/own-vaults.ts';
import type { OwnVaultConnection } from '../../ports/own-vault.ts';
import type { SecretValue } from '../../ports/secret-value.ts';
import { authorityFor, isKnownVault } from '../azure/azure-clouds.ts';
import { CallGate } from '../azure/call-gate.ts';
import { openAzureCredential } from '../azure/azure-credential.ts';
import { createAzureStore } from '../secret-store/azure-key-vault/azure-store.ts';
import { VaultSecrets } from '../secret-store/azure-key-vault/vault-secrets.ts';
import { azureTrial } from './azure-trial.ts';
import type { OwnVaultTools } from './connector.ts';
import { guardedWay } from './guarded-way.ts';
import { ownVaultLog } from './own-vault-log.ts';
import { tenantUrl } from './tenant-url.ts';
import { runTrial } from './trial-run.ts';

/** What an operator has said of Azure for the whole installation. */
export interface AzureSurroundings {
  /** A private cloud, or a test server: hosts and authorities need not be Microsoft's. */
  readonly isDisconnected: boolean;
  /** null: the one of the vault's cloud. */
  readonly authorityHost: string | null;
}

const ID = /^[\w.-]{1,128}$/u;

/** As they are kept. Throws `invalid_argument`. */
export function checkedAzureVault(settings: OwnAzureKeyVault, { egress, azure }: { readonly egress: Egress; readonly azure: AzureSurroundings }): OwnAzureKeyVault {
  const url = tenantUrl(settings.url, { property: 'url', example: 'https://my-vault.vault.azure.net/', allowHttpOnLoopback: false, mayHavePath: false });
  if (!azure.isDisconnected && !isKnownVault(url.origin)) {
    throw new KeyholdError('invalid_argument', 'url names a host that is no vault of Azure\'s clouds. It looks like https://my-vault.vault.azure.net/', { details: { property: 'url' } });
  }
  egress.requireAllowedLiteral(url.hostname);
  for (const property of ['tenantId', 'clientId'] as const) {
    if (!ID.test(settings[property])) throw new KeyholdError('invalid_argument', `${property} is an id such as 00000000-0000-0000-0000-000000000000.`, { details: { property } });
  }
  return { ...settings, url: url.origin };
}

/** Signs in as the tenant's service principal, and as nobody else whatever the environment offers. Nothing is sent before the first call. */
export function openAzureVault(tenant: string, { url, tenantId, clientId }: OwnAzureKeyVault, secret: SecretValue, tools: OwnVaultTools): OwnVaultConnection {
  const { egress, azure, digest, clock, random } = tools;
  const authorityHost = azure.isDisconnected ? (azure.authorityHost ?? 'https://login.microsoftonline.com') : authorityFor(url);
  if (authorityHost === undefined) throw new KeyholdError('internal', 'A vault that is in none of Azure\'s clouds was kept.');
  const identity = { servicePrincipal: { tenantId, clientId, clientSecret: secret }, workload: null, managed: null, authorityHost, isDisconnected: azure.isDisconnected };
  const way = guardedWay({ egress, vault: new URL(url).origin, authority: new URL(authorityHost).origin });
  const store = createAzureStore({ url, identity, digest, clock, random, log: ownVaultLog(tools.log, tenant), way: way.policy });
  const ignored = (): void => undefined;
  return {
    store,
    // Past the store's memory of failures and of what it has told already: who asks wants to know how it is now.
    trial: (last) => {
      const gate = new CallGate({ clock, random, onAnswer: ignored, onOutage: ignored });
      const secrets = new VaultSecrets({ url, credential: () => openAzureCredential(identity, way.policy), isDisconnected: azure.isDisconnected, gate, way: way.policy, onDenied: ignored });
      return runTrial(azureTrial({ tenant, url, secrets, egress, clock, random }), last);
    },
    close: async () => {
      store.close();
      way.close();
    },
  };
}
