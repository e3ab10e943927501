import { createCipheriv, createDecipheriv, hkdfSync, type KeyObject, timingSafeEqual } from 'node:crypto';
import type { RandomBytes } from '../../ports/clock.ts';
import { KeyholdError } from '../../ports/errors.ts';

/** What a key encrypts. It goes into HKDF's info, so that two purposes never share a subkey (S13). */
type EnvelopePurpose = 'value' | 'data-key' | 'root-key' | 'cursor' | 'cache' | 'sign-in';

/** The key, what it is used for, and what the content is bound to. */
export interface EnvelopeContext {
  readonly key: KeyObject;
  readonly purpose: EnvelopePurpose;
  /** Additional authenticated data: made by `frame`, so that no two contexts give the same bytes. */
  readonly aad: Buffer;
}

const CIPHER = 'aes-256-gcm';
const FORMAT = 1;
const SALT = 32;
const COMMITMENT = 32;
const NONCE = 12;
const TAG = 16;
const HEAD = 1 + SALT + COMMITMENT + NONCE;

/**
 * Encrypts bytes under a subkey of their own: format byte, salt, key commitment, nonce, ciphertext, tag (docs/sealing-format.md).
 * The subkey is HKDF-SHA-256 of the key and a fresh 32-byte salt, so it encrypts once; AES-256-GCM with a fresh 96-bit nonce (S13).
 */
export function sealEnvelope({ key, purpose, aad }: EnvelopeContext, plain: Buffer, random: RandomBytes): Buffer {
  const salt = random(SALT);
  const nonce = random(NONCE);
  const subkey = derive(key, salt, purpose);
  const cipher = createCipheriv(CIPHER, subkey, nonce, { authTagLength: TAG });
  cipher.setAAD(aad);
  const encrypted = Buffer.concat([cipher.update(plain), cipher.final()]);
  subkey.fill(0);
  return Buffer.concat([Buffer.of(FORMAT), salt, commitmentOf(key, salt, purpose), nonce, encrypted, cipher.getAuthTag()]);
}

/**
 * The bytes again. Throws `corrupt` when anything differs: the format, the key (its commitment is compared in constant time
 * before anything is decrypted), the context, or any bit of the envelope.
 */
export function openEnvelope({ key, purpose, aad }: EnvelopeContext, sealed: Buffer): Buffer {
  if (sealed.length < HEAD + TAG || sealed[0] !== FORMAT) throw corrupt();
  const salt = sealed.subarray(1, 1 + SALT);
  const commitment = sealed.subarray(1 + SALT, 1 + SALT + COMMITMENT);
  const nonce = sealed.subarray(1 + SALT + COMMITMENT, HEAD);
  if (!timingSafeEqual(commitment, commitmentOf(key, salt, purpose))) throw corrupt();
  const subkey = derive(key, salt, purpose);
  const decipher = createDecipheriv(CIPHER, subkey, nonce, { authTagLength: TAG });
  decipher.setAAD(aad);
  decipher.setAuthTag(sealed.subarray(sealed.length - TAG));
  const unproven = decipher.update(sealed.subarray(HEAD, sealed.length - TAG));
  try {
    decipher.final();
  } catch (cause) {
    unproven.fill(0);
    throw corrupt(cause);
  } finally {
    subkey.fill(0);
  }
  return unproven;
}

/** Whether this was encrypted under the key for the purpose, for whatever place: by its commitment, without opening it. */
export function isEnvelopeOf({ key, purpose }: Omit<EnvelopeContext, 'aad'>, sealed: Buffer): boolean {
  if (sealed.length < HEAD + TAG || sealed[0] !== FORMAT) return false;
  return timingSafeEqual(sealed.subarray(1 + SALT, 1 + SALT + COMMITMENT), commitmentOf(key, sealed.subarray(1, 1 + SALT), purpose));
}

function derive(key: KeyObject, salt: Buffer, purpose: EnvelopePurpose): Buffer {
  return Buffer.from(hkdfSync('sha256', key, salt, `keyhold/1/${purpose}`, 32));
}

function commitmentOf(key: KeyObject, salt: Buffer, purpose: EnvelopePurpose): Buffer {
  return Buffer.from(hkdfSync('sha256', key, salt, `keyhold/1/${purpose}/commitment`, COMMITMENT));
}

function corrupt(cause?: unknown): KeyholdError {
  return new KeyholdError('corrupt', 'What is kept encrypted was changed, or was encrypted under another key or for another place.', { cause });
}
