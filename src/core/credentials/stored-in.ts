import type { StoreKind } from '../../ports/secret-store.ts';

export interface StoredInWords {
  /** In messages to people (R0.5). */
  readonly message: string;
  /** In the events of R3.8. */
  readonly event: string;
  /** In the log line of a read (R3.9). */
  readonly read: string;
  /** The variable that switches the store on. */
  readonly switchedOnBy: string;
}

/** What each store is called, by R0.5 and R3.9. */
export const storedInWords: Readonly<Record<StoreKind, StoredInWords>> = {
  'azure-key-vault': { message: 'Azure Key Vault', event: 'key-vault', read: 'Key Vault', switchedOnBy: 'AZURE_KEY_VAULT_URL' },
  vault: { message: 'HashiCorp Vault', event: 'vault', read: 'Vault', switchedOnBy: 'VAULT_ENABLED=true' },
  sealed: { message: 'the encrypted database', event: 'database', read: 'encrypted database', switchedOnBy: 'nothing: it is always on' },
};

/** The line with which the credential service says that it is ready (R3.9). */
export function credentialServiceLine(kind: StoreKind): string {
  return `AI Config service initialized with ${kind === 'azure-key-vault' ? 'Key Vault integration' : storedInWords[kind].message}`;
}
