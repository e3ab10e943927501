import type { SecretValue } from '../../ports/secret-value.ts';

/** A secret that is read from a file each time it is needed, so that a replaced one is taken without a restart. */
export interface SecretFile {
  readonly file: string;
}

/** How Keyhold signs in to Vault: exactly one way (R2.1). */
export type VaultAuth =
  | { readonly kind: 'token'; readonly token: SecretValue }
  | { readonly kind: 'token-file'; readonly file: string }
  | { readonly kind: 'app-role'; readonly roleId: string; readonly secretId: SecretValue | SecretFile; /** Default `approle`. */ readonly mount?: string }
  | { readonly kind: 'wrapped-app-role'; readonly roleId: string; readonly wrappedSecretId: SecretValue | SecretFile; /** Default `approle`. */ readonly mount?: string }
  | {
      readonly kind: 'kubernetes';
      readonly role: string;
      /** What the service account's token must be made for; Vault from 1.21 on wants the role to name it too. */
      readonly audience?: string;
      /** Default: where Kubernetes puts it. Read at every sign-in, since Kubernetes replaces it. */
      readonly tokenFile?: string;
      /** Default `kubernetes`. */
      readonly mount?: string;
    };
