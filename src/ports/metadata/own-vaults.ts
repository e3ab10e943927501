import type { OwnVaultKind, SecretReference } from '../secret-store.ts';
import type { Repository } from './stored.ts';

/** Where a tenant's own HashiCorp Vault (or OpenBao) is, and who we are there. */
export interface OwnHashiCorpVault {
  readonly kind: Extract<OwnVaultKind, 'vault'>;
  /** Scheme, host and port, perhaps a path before `/v1`; without a slash at the end. */
  readonly address: string;
  readonly namespace: string | null;
  /** Of the KV v2 engine, without slashes around it. */
  readonly mount: string;
  /** null: by a token. */
  readonly roleId: string | null;
  /** PEM; null: the certificates that every program trusts. */
  readonly caCertificate: string | null;
}

/** Where a tenant's own Azure Key Vault is, and the service principal that we are there. */
export interface OwnAzureKeyVault {
  readonly kind: Extract<OwnVaultKind, 'azure-key-vault'>;
  /** Scheme, host and perhaps port. */
  readonly url: string;
  readonly tenantId: string;
  readonly clientId: string;
}

export type OwnVaultSettings = OwnHashiCorpVault | OwnAzureKeyVault;

/** The vault that a tenant has brought for the values of its own credentials (S20). */
export interface OwnVaultRecord {
  readonly tenant: string;
  /** 16 characters; another one for each vault, so that no reference into one is ever read in another. */
  readonly id: string;
  /** `closing`: about to be removed, unless something still lies there. Nothing new goes there from then on. */
  readonly state: 'active' | 'closing';
  /** New values go there; otherwise it only keeps what it has until that has moved. */
  readonly takesNew: boolean;
  readonly settings: OwnVaultSettings;
  /** What we sign in with, sealed in the database under the tenant's data key, and what may be shown of it (S22). */
  readonly secret: { readonly reference: SecretReference; readonly hint: string };
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly changedBy: string;
}

export type OwnVaultRepository = Repository<{ readonly tenant: string }, OwnVaultRecord>;
