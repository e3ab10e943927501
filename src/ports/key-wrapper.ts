/** Protects the one root key of the sealed store (S12). */
export interface KeyWrapper {
  readonly kind: 'key-file' | 'passphrase' | 'vault-transit' | 'azure-key';
  /** Encrypts the root key under the wrapping key, bound to `context`. */
  wrap(rootKey: Buffer, context: Buffer): Promise<Buffer>;
  /** `corrupt` when the wrapped bytes are not of this wrapping key or context, `unavailable` when it cannot be asked. */
  unwrap(wrapped: Buffer, context: Buffer): Promise<Buffer>;
  /** The root key's commitment that is pinned outside the database, hex; undefined before the first start. */
  pinnedCommitment(): Promise<string | undefined>;
  pinCommitment(commitment: string): Promise<void>;
}
