import { createHash } from 'node:crypto';

const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);

/** Bytes of a hash. */
export const HASH_BYTES = 32;

/** The hash of one entry: SHA-256 over 0x00 and its bytes (RFC 6962, 2.1). A text counts as its UTF-8 bytes. */
export function leafHash(entry: string | Uint8Array): Buffer {
  return createHash('sha256').update(LEAF).update(entry).digest();
}

/** The hash over two subtrees: SHA-256 over 0x01 and both (RFC 6962, 2.1). */
export function nodeHash(left: Uint8Array, right: Uint8Array): Buffer {
  return createHash('sha256').update(NODE).update(left).update(right).digest();
}

/** The root of a tree without entries: SHA-256 over nothing (RFC 6962, 2.1). */
export function emptyRoot(): Buffer {
  return createHash('sha256').digest();
}
