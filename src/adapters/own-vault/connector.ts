import { type Egress, EgressRefused } from '../../egress/egress.ts';
import type { Clock, RandomBytes } from '../../ports/clock.ts';
import { KeyholdError } from '../../ports/errors.ts';
import type { Log } from '../../ports/log.ts';
import type { OwnVaultConnector } from '../../ports/own-vault.ts';
import type { FieldsDigest } from '../secret-store/azure-key-vault/own-versions.ts';
import { traceOfPut } from '../secret-store/azure-key-vault/azure-store.ts';
import { type AzureSurroundings, checkedAzureVault, openAzureVault } from './azure-vault.ts';
import { checkedHashiCorpVault, openHashiCorpVault } from './hashicorp-vault.ts';

export interface OwnVaultTools {
  readonly egress: Egress;
  readonly azure: AzureSurroundings;
  /** http is let through on loopback. */
  readonly allowHttp: boolean;
  /** The keyed digest that the intents carry (`credentialDigest`). */
  readonly digest: FieldsDigest;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly log: Log;
}

/** Opens HashiCorp Vaults and Azure Key Vaults that tenants bring (S20): nothing of the installation's own connections is used for them. */
export function createOwnVaultConnector(tools: OwnVaultTools): OwnVaultConnector {
  return {
    checked: (settings) => allowed(() => (settings.kind === 'vault' ? checkedHashiCorpVault(settings, tools) : checkedAzureVault(settings, tools)), 'invalid_argument'),
    open: ({ tenant, settings, secret }) => allowed(() => {
      // An operator may have allowed less since.
      tools.egress.requireAllowedLiteral(new URL(settings.kind === 'vault' ? settings.address : settings.url).hostname);
      return settings.kind === 'vault' ? openHashiCorpVault(tenant, settings, secret, tools) : openAzureVault(tenant, settings, secret, tools);
    }, 'unavailable'),
    kinds: {
      vault: { capabilities: { destroyVersion: true } },
      'azure-key-vault': { capabilities: { destroyVersion: false }, traceOf: traceOfPut },
    },
  };
}

function allowed<T>(work: () => T, code: 'invalid_argument' | 'unavailable'): T {
  try {
    return work();
  } catch (error) {
    throw error instanceof EgressRefused ? new KeyholdError(code, error.message, { cause: error }) : error;
  }
}
