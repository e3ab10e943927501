import { createDecipheriv, createHmac, timingSafeEqual } from 'node:crypto';
import type { SecretValue } from '../../../ports/secret-value.ts';
import { utf8Text } from './utf8-text.ts';

const TOKEN = /^(?:[\w-]{4})*(?:[\w-]{2}==|[\w-]{3}=|[\w-]{4})$/u;
/** Longer than any key, by far. */
const LONGEST = 65_536;
const VERSION = 0x80;
/** Version, time, IV; the ciphertext is whole blocks, and the HMAC ends it (https://github.com/fernet/spec/blob/master/Spec.md). */
const HEAD_BYTES = 1 + 8 + 16;
const MAC_BYTES = 32;
const BLOCK_BYTES = 16;

/** Whether a text looks like a Fernet token: version 0x80 and a time before the year 2242. */
export function looksLikeFernet(text: string): boolean {
  return text.startsWith('gAAAA') && text.length <= LONGEST && TOKEN.test(text);
}

/** Whether a text can be a Fernet key: 32 bytes as URL-safe base64, with its `=`. */
export function isFernetKey(text: string): boolean {
  return /^[\w-]{43}=$/u.test(text) && Buffer.from(text, 'base64url').length === 32;
}

/**
 * The text in a Fernet token that one of the keys has made; undefined for everything else, without telling why. The time in a token is not looked at: what is
 * kept does not run out.
 */
export function openFernet(keys: readonly SecretValue[], token: string): string | undefined {
  if (token.length > LONGEST || !TOKEN.test(token)) return undefined;
  const bytes = Buffer.from(token, 'base64url');
  const cipherBytes = bytes.length - HEAD_BYTES - MAC_BYTES;
  if (bytes[0] !== VERSION || cipherBytes < BLOCK_BYTES || cipherBytes % BLOCK_BYTES !== 0) return undefined;
  for (const key of keys) {
    const text = openWith(Buffer.from(key.reveal(), 'base64url'), bytes);
    if (text !== undefined) return text;
  }
  return undefined;
}

function openWith(key: Buffer, token: Buffer): string | undefined {
  const signed = token.subarray(0, -MAC_BYTES);
  const mac = createHmac('sha256', key.subarray(0, 16)).update(signed).digest();
  if (!timingSafeEqual(mac, token.subarray(-MAC_BYTES))) return undefined;
  const decipher = createDecipheriv('aes-128-cbc', key.subarray(16), token.subarray(HEAD_BYTES - BLOCK_BYTES, HEAD_BYTES));
  try {
    return utf8Text(Buffer.concat([decipher.update(signed.subarray(HEAD_BYTES)), decipher.final()]));
  } catch {
    return undefined;
  }
}
