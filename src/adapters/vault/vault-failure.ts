import { KeyholdError, type OutageReason } from '../../ports/errors.ts';
import { StoreUntouched } from '../../ports/secret-store.ts';

/** Why Vault did not do what it was asked, for the log. What it is for the caller is always `unavailable`. */
export type VaultTrouble =
  | 'unreachable'
  | 'silent'
  | 'broken'
  | 'not-vault'
  | 'moved'
  | 'sealed'
  | 'not-initialized'
  | 'standby'
  | 'leaderless'
  | 'removed'
  | 'away'
  | 'failing'
  | 'busy'
  | 'behind'
  | 'no-engine'
  | 'resting'
  | 'refused'
  | 'closed';

const sentences: Readonly<Record<VaultTrouble, string>> = {
  unreachable: 'Vault cannot be reached. Check VAULT_ADDR, the network and, with https, the certificates.',
  silent: 'Vault did not answer in time.',
  broken: 'The connection to Vault broke before its answer was complete.',
  'not-vault': 'What answered does not speak like Vault. Check that VAULT_ADDR leads to Vault and not to another server or an error page before it.',
  moved: 'Vault sent us to another address, where our token must not go: a standby does so when it does not reach the active node. If that lasts, set VAULT_ADDR to the active node, or to what stands before all nodes.',
  sealed: 'Vault is sealed. Unseal it: vault operator unseal',
  'not-initialized': 'Vault is not initialised. Initialise it: vault operator init',
  standby: 'This node of Vault is a standby that cannot serve us. Set VAULT_ADDR to the active node, or to what stands before all nodes.',
  leaderless: 'The cluster of Vault has no active node now. It elects one within seconds where enough of its nodes are there and unsealed.',
  removed: 'This node of Vault was removed from its cluster. Set VAULT_ADDR to another one.',
  away: 'What stands before Vault says that Vault is away.',
  failing: 'Vault failed. Its own log says why.',
  busy: 'Vault has refused requests beyond its rate limit. Raise the quota, or wait.',
  behind: 'This node of Vault has not caught up with what we wrote. It should within seconds.',
  'no-engine': 'Vault has nothing mounted where Keyhold keeps its secrets. Check VAULT_MOUNT_PATH and VAULT_NAMESPACE.',
  resting: 'Vault has failed several times in a row and is asked again in a moment.',
  refused: 'Vault does not let us in.',
  closed: 'The connection to Vault is closed, since Keyhold is stopping.',
};

const reasons: Readonly<Record<VaultTrouble, OutageReason>> = {
  unreachable: 'network',
  silent: 'timeout',
  broken: 'network',
  'not-vault': 'network',
  moved: 'network',
  sealed: 'sealed',
  'not-initialized': 'failing',
  standby: 'failing',
  leaderless: 'failing',
  removed: 'failing',
  away: 'network',
  failing: 'failing',
  busy: 'busy',
  behind: 'failing',
  // Somebody has taken the engine away, perhaps with what was in it.
  'no-engine': 'refused',
  resting: 'resting',
  refused: 'refused',
  closed: 'resting',
};

export interface VaultFailureOptions {
  /** Whether the request may have reached Vault and been carried out. */
  readonly mayHaveHappened: boolean;
  readonly retryAfterSeconds?: number | undefined;
  readonly status?: number | undefined;
  readonly cause?: unknown;
}

/** What went wrong between us and Vault, in our words: nothing that the other side said is in it. */
export class VaultFailure extends Error {
  readonly trouble: VaultTrouble;
  readonly mayHaveHappened: boolean;
  readonly retryAfterSeconds: number | undefined;
  readonly status: number | undefined;

  constructor(trouble: VaultTrouble, { mayHaveHappened, retryAfterSeconds, status, cause }: VaultFailureOptions) {
    super(status === undefined ? sentences[trouble] : `${sentences[trouble]} (HTTP ${status})`, cause === undefined ? undefined : { cause });
    this.name = 'VaultFailure';
    this.trouble = trouble;
    this.mayHaveHappened = mayHaveHappened;
    this.retryAfterSeconds = retryAfterSeconds;
    this.status = status;
  }
}

/** The failure as it leaves the adapter: `unavailable`, and where nothing can have happened a `StoreUntouched`. */
export function asUnavailable(failure: VaultFailure): KeyholdError {
  const message = 'The secret store cannot be used right now. Try again in a moment; if it lasts, an operator finds the reason in the log.';
  const options = { cause: failure, retryAfterSeconds: failure.retryAfterSeconds ?? 5, outage: reasons[failure.trouble] };
  return failure.mayHaveHappened ? new KeyholdError('unavailable', message, options) : new StoreUntouched(message, options);
}
