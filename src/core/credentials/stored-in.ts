import type { StoreKind } from '../../ports/secret-store.ts';

export interface StoredInWords {
  /** In messages to people (R0.5). */
  readonly message: string;
  /** In the events of R3.8. */
  readonly event: string;
  /** In the log line of a read (R3.9). */
  readonly read: string;
}

/** What each store is called, by R0.5 and R3.9. */
export const storedInWords: Readonly<Record<StoreKind, StoredInWords>> = {
  'azure-key-vault': { message: 'Azure Key Vault', event: 'key-vault', read: 'Key Vault' },
  vault: { message: 'HashiCorp Vault', event: 'vault', read: 'Vault' },
  sealed: { message: 'the encrypted database', event: 'database', read: 'encrypted database' },
};
