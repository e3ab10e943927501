import { createHash, timingSafeEqual } from 'node:crypto';
import { KeyholdError } from '../../ports/errors.ts';

const DIGEST_BYTES = 32;

/** For a service that encrypts without associated data, or may ignore it: SHA-256 of the context, then the key. */
export function boundToContext(key: Buffer, context: Buffer): Buffer {
  return Buffer.concat([digestOf(context), key]);
}

/** The key again. Throws `corrupt` when it was bound to another context. */
export function fromItsContext(plaintext: Buffer, context: Buffer): Buffer {
  if (plaintext.length < DIGEST_BYTES || !timingSafeEqual(plaintext.subarray(0, DIGEST_BYTES), digestOf(context))) {
    throw new KeyholdError('corrupt', 'The root key was wrapped for another place.');
  }
  return plaintext.subarray(DIGEST_BYTES);
}

function digestOf(context: Buffer): Buffer {
  return createHash('sha256').update(context).digest();
}
