import type { OwnVaultSettings } from './metadata/own-vaults.ts';
import type { OwnVaultKind, PutIntent, SecretName, SecretReference, SecretStore } from './secret-store.ts';
import type { SecretValue } from './secret-value.ts';

/** What a trial of a vault goes through, in this order. */
export const trialSteps = ['address', 'sign-in', 'write', 'read', 'list', 'delete'] as const;

export type TrialStepName = (typeof trialSteps)[number];

export interface TrialStep {
  readonly step: TrialStepName;
  /** `not-tried`: a step before it failed, on which it depends. */
  readonly outcome: 'ok' | 'failed' | 'not-tried';
  /** What is wrong and what to do, where it failed. Nothing of it is the vault's own words. */
  readonly reason?: string;
  /** Where a permission is what is missing: what grants it, as a policy's text or a command. */
  readonly grant?: string;
}

export interface OwnVaultAccess {
  readonly tenant: string;
  readonly settings: OwnVaultSettings;
  /** The token, the secret_id or the client secret. */
  readonly secret: SecretValue;
}

/** One tenant's vault, reached with that tenant's credential alone (S20). Nothing is sent before the first call. */
export interface OwnVaultConnection {
  readonly store: SecretStore;
  /** Goes no further than to the given step. Never rejects. */
  trial(last: TrialStepName): Promise<readonly TrialStep[]>;
  close(): Promise<void>;
}

/** Opens vaults that tenants bring. */
export interface OwnVaultConnector {
  /** The settings as they are kept. Throws `invalid_argument` for addresses that must not be, with the property's name in `details`. */
  checked(settings: OwnVaultSettings): OwnVaultSettings;
  open(access: OwnVaultAccess): OwnVaultConnection;
  /** What vaults of this kind can do, and where a put that was given up leaves something (`SecretStore.traceOf`). */
  readonly kinds: Readonly<Record<OwnVaultKind, Pick<SecretStore, 'capabilities'> & { readonly traceOf?: (name: SecretName, intent: PutIntent) => SecretReference }>>;
}
