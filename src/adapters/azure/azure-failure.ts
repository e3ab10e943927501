import { KeyholdError, type OutageReason } from '../../ports/errors.ts';
import { StoreUntouched } from '../../ports/secret-store.ts';

/** Why Azure did not do what it was asked, for the log. */
export type AzureTrouble =
  | 'unreachable'
  | 'silent'
  | 'broken'
  | 'not-azure'
  | 'challenge'
  | 'no-identity'
  | 'authority-away'
  | 'refused'
  | 'firewall'
  | 'busy'
  | 'failing'
  | 'resting'
  | 'strange'
  | 'closed';

const sentences: Readonly<Record<AzureTrouble, string>> = {
  unreachable: 'Azure Key Vault cannot be reached. Check AZURE_KEY_VAULT_URL, the network (private endpoint, DNS, proxy) and the certificates (NODE_EXTRA_CA_CERTS).',
  silent: 'Azure Key Vault did not answer in time.',
  broken: 'The connection to Azure Key Vault broke before its answer was complete.',
  'not-azure': 'What answered does not speak like Azure Key Vault. Check that AZURE_KEY_VAULT_URL leads to a vault and not to another server or an error page before it.',
  challenge: 'The vault asks for a token for something that it is not. Check AZURE_KEY_VAULT_URL; only for a private cloud or a test server set KEYHOLD_AZURE_DISCONNECTED=true.',
  'no-identity': 'There is nobody to sign in to Azure as. Give this machine a managed identity (az webapp identity assign, az vm identity assign), set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET, or run az login with KEY_VAULT_USE_MANAGED_IDENTITY=false.',
  'authority-away': 'The authority that gives out Azure\'s tokens cannot be reached. Check the network and AZURE_AUTHORITY_HOST.',
  refused: 'Azure does not let Keyhold sign in. Check AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET (it may have run out), or the managed identity.',
  firewall: 'The vault\'s firewall does not let this machine in. Add its address (az keyvault network-rule add --name <vault> --ip-address <address>), its network, or a private endpoint.',
  busy: 'Azure Key Vault has refused requests beyond its limits (https://learn.microsoft.com/azure/key-vault/general/service-limits); they are repeated when it says.',
  failing: 'Azure Key Vault failed.',
  resting: 'Azure Key Vault has refused or failed several times in a row and is asked again in a moment.',
  strange: 'Azure Key Vault answered in a way that this call is never answered.',
  closed: 'The connection to Azure Key Vault is closed, since Keyhold is stopping.',
};

const reasons: Readonly<Record<AzureTrouble, OutageReason>> = {
  unreachable: 'network',
  silent: 'timeout',
  broken: 'network',
  'not-azure': 'network',
  challenge: 'network',
  // An identity's endpoint that is away looks the same as none.
  'no-identity': 'network',
  'authority-away': 'network',
  refused: 'refused',
  firewall: 'network',
  busy: 'busy',
  failing: 'failing',
  resting: 'resting',
  // It is there, and its answer is no outage that we know.
  strange: 'strange',
  closed: 'resting',
};

export interface AzureFailureOptions {
  /** Whether the request may have reached the vault and been carried out. */
  readonly mayHaveHappened: boolean;
  readonly status?: number | undefined;
  /** What Azure calls it: `BadParameter`, `AADSTS7000215`. A word of its lists, never a sentence. */
  readonly code?: string | undefined;
  readonly retryAfterSeconds?: number | undefined;
}

/**
 * What went wrong between us and Azure, in our words. It never has the library's error for its cause: that one quotes answers, and holds
 * the request with the value in it.
 */
export class AzureFailure extends Error {
  readonly trouble: AzureTrouble;
  readonly mayHaveHappened: boolean;
  readonly retryAfterSeconds: number | undefined;

  constructor(trouble: AzureTrouble, { mayHaveHappened, status, code, retryAfterSeconds }: AzureFailureOptions) {
    const facts = [...(status === undefined ? [] : [`HTTP ${status}`]), ...(code === undefined ? [] : [code])].join(', ');
    super(facts === '' ? sentences[trouble] : `${sentences[trouble]} (${facts})`);
    this.name = 'AzureFailure';
    this.trouble = trouble;
    this.mayHaveHappened = mayHaveHappened;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** The failure as it leaves the adapter: `unavailable`, and where nothing can have happened a `StoreUntouched`. */
export function asUnavailable(failure: AzureFailure): KeyholdError {
  const message = 'The secret store cannot be used right now. Try again in a moment; if it lasts, an operator finds the reason in the log.';
  const options = { cause: failure, retryAfterSeconds: failure.retryAfterSeconds ?? 5, outage: reasons[failure.trouble] };
  return failure.mayHaveHappened ? new KeyholdError('unavailable', message, options) : new StoreUntouched(message, options);
}
