/** What protects the root key (R0.5). */
export type KeyWrapperKind = 'key-file' | 'passphrase' | 'vault-transit' | 'azure-key';

/** Protects the one root key of the sealed store (S12). */
export interface KeyWrapper {
  readonly kind: KeyWrapperKind;
  /** Where the wrapping key is, for people: a path, or a key's name in its service. Never a secret. */
  readonly place: string;
  /** Encrypts the root key under the wrapping key, bound to `context`. `unavailable` when it cannot be asked. */
  wrap(rootKey: Buffer, context: Buffer): Promise<Buffer>;
  /** `corrupt` when the wrapped bytes are not of this wrapping key or context, `unavailable` when it cannot be asked. */
  unwrap(wrapped: Buffer, context: Buffer): Promise<Buffer>;
}

/** Where the root key's commitment is pinned, outside the database (S12). Throws `StartError` 6 where it was tampered with, 4 or 8 where it cannot be written. */
export interface RootPin {
  /** For messages: what a person would look for. */
  readonly place: string;
  /** 64 hexadecimal digits; undefined before the first start. */
  read(): Promise<string | undefined>;
  /** Durable when resolved; a pin that is there is never changed. */
  write(commitment: string): Promise<void>;
}
