import { createDecipheriv, pbkdf2, scrypt } from 'node:crypto';
import { promisify } from 'node:util';
import type { SecretValue } from '../../../ports/secret-value.ts';
import { type LegacyEncoding, type LegacyParts, legacyParts } from './legacy-text.ts';
import { utf8Text } from './utf8-text.ts';

type LegacyKdf =
  | { readonly name: 'scrypt'; readonly n: number; readonly r: number; readonly p: number }
  | { readonly name: 'pbkdf2'; readonly iterations: number; readonly digest: 'sha1' | 'sha256' | 'sha512' };

/** How the values `iv:salt:ciphertext` of an earlier system were made (R3.4). */
export interface LegacyCipher {
  /** The passphrase from which each value's key is derived, with the value's own salt. */
  readonly key: SecretValue;
  readonly cipher: 'aes-256-gcm' | 'aes-256-cbc';
  readonly kdf: LegacyKdf;
  readonly encoding: LegacyEncoding;
}

const KEY_BYTES = 32;
const TAG_BYTES = 16;
const BLOCK_BYTES = 16;
const SALT_BYTES = { least: 8, most: 1_024 } as const;

/**
 * The plaintext of a legacy value; undefined for everything that is not one, without telling why. AES-256-GCM: the tag is the fourth part, else the last 16
 * bytes of the ciphertext. AES-256-CBC has no tag, so that a text counts only when its padding, its UTF-8 and `isPlausible` all hold (S18); all three are
 * looked at whatever the others say, so that nobody learns which of them failed.
 */
export async function openLegacyText(legacy: LegacyCipher, text: string, isPlausible: (plaintext: string) => boolean): Promise<string | undefined> {
  const parts = legacyParts(text, legacy.encoding);
  if (parts === undefined || parts.salt.length < SALT_BYTES.least || parts.salt.length > SALT_BYTES.most) return undefined;
  const isGcm = legacy.cipher === 'aes-256-gcm';
  if (isGcm ? !hasGcmShape(parts) : !hasCbcShape(parts)) return undefined;
  const key = await derivedKey(legacy, parts.salt);
  return isGcm ? openGcm(key, parts) : openCbc(key, parts, isPlausible);
}

/** Whether a value that opens is known to be unchanged. */
export function isAuthenticated({ cipher }: Pick<LegacyCipher, 'cipher'>): boolean {
  return cipher === 'aes-256-gcm';
}

function hasGcmShape({ iv, ciphertext, tag }: LegacyParts): boolean {
  const isIv = iv.length === 12 || iv.length === 16;
  return isIv && (tag === undefined ? ciphertext.length > TAG_BYTES : tag.length === TAG_BYTES);
}

function hasCbcShape({ iv, ciphertext, tag }: LegacyParts): boolean {
  return iv.length === BLOCK_BYTES && tag === undefined && ciphertext.length % BLOCK_BYTES === 0;
}

const scryptKey = promisify<string, Buffer, number, { N: number; r: number; p: number; maxmem: number }, Buffer>(scrypt);
const pbkdf2Key = promisify(pbkdf2);

function derivedKey({ key, kdf }: LegacyCipher, salt: Buffer): Promise<Buffer> {
  if (kdf.name === 'pbkdf2') return pbkdf2Key(key.reveal(), salt, kdf.iterations, KEY_BYTES, kdf.digest);
  const { n, r, p } = kdf;
  // What OpenSSL needs is 128 N r and 128 p r bytes and a little more (RFC 7914 section 2); Node's own bound is too low for larger N.
  return scryptKey(key.reveal(), salt, KEY_BYTES, { N: n, r, p, maxmem: 128 * r * (n + p) + 2 ** 20 });
}

function openGcm(key: Buffer, { iv, ciphertext, tag }: LegacyParts): string | undefined {
  const sealed = tag === undefined ? ciphertext.subarray(0, -TAG_BYTES) : ciphertext;
  const decipher = createDecipheriv('aes-256-gcm', key, iv, { authTagLength: TAG_BYTES });
  decipher.setAuthTag(tag ?? ciphertext.subarray(-TAG_BYTES));
  try {
    return utf8Text(Buffer.concat([decipher.update(sealed), decipher.final()]));
  } catch {
    return undefined;
  }
}

function openCbc(key: Buffer, { iv, ciphertext }: LegacyParts, isPlausible: (plaintext: string) => boolean): string | undefined {
  const decipher = createDecipheriv('aes-256-cbc', key, iv).setAutoPadding(false);
  const padded = Buffer.concat([decipher.update(ciphertext), decipher.final()]);
  const padding = paddingLength(padded);
  const plain = padded.subarray(0, padded.length - (padding ?? 1));
  const text = utf8Text(plain);
  const plausible = isPlausible(text ?? plain.toString('latin1'));
  return padding !== undefined && text !== undefined && plausible ? text : undefined;
}

/** PKCS #7 (RFC 5652 section 6.3), looked at as a whole. */
function paddingLength(padded: Buffer): number | undefined {
  const length = padded.at(-1) ?? 0;
  let wrong = length < 1 || length > BLOCK_BYTES ? 1 : 0;
  for (const [index, byte] of padded.subarray(-BLOCK_BYTES).entries()) wrong |= BLOCK_BYTES - index <= length && byte !== length ? 1 : 0;
  return wrong === 0 ? length : undefined;
}
