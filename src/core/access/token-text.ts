import { hash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { RandomBytes } from '../../ports/clock.ts';
import { SecretValue } from '../../ports/secret-value.ts';
import { toBase62 } from './base62.ts';

/** Gateway key, API token, portal link, session (S22). */
export type TokenKind = 'g' | 't' | 'p' | 's';

export interface MintedToken {
  readonly id: string;
  /** Shown once, never kept. */
  readonly text: SecretValue;
  /** What is kept instead of the text. */
  readonly digest: string;
}

const TOKEN = /^kh_([gtps])_([0-9a-z]{16})_[0-9A-Za-z]{49}$/;
const ID_DIGITS = '0123456789abcdefghijklmnopqrstuvwxyz';
const ID_LENGTH = 16;
const SECRET_BYTES = 32;
/** 62^43 > 2^256 and 62^6 > 2^32: every secret and every checksum has exactly one spelling. */
const SECRET_LENGTH = 43;
const CHECKSUM_LENGTH = 6;
/** Bytes from here on would make some digits of an id likelier than others. */
const EVEN_BYTES = 256 - (256 % ID_DIGITS.length);
const DIGEST_CONTEXT = 'keyhold token 1\0';

/** A new token of this kind, with 256 random bits; its id is random too unless it is given. */
export function mintToken(kind: TokenKind, random: RandomBytes, id = newTokenId(random)): MintedToken {
  const secret = toBase62(BigInt(`0x${random(SECRET_BYTES).toString('hex')}`), SECRET_LENGTH);
  const body = `kh_${kind}_${id}_${secret}`;
  const text = body + checksumOf(body);
  return { id, text: new SecretValue(text), digest: tokenDigest(text) };
}

/** 16 characters of `[0-9a-z]`, each equally likely. */
export function newTokenId(random: RandomBytes): string {
  let id = '';
  while (id.length < ID_LENGTH) {
    for (const byte of random(ID_LENGTH)) {
      if (byte < EVEN_BYTES && id.length < ID_LENGTH) id += ID_DIGITS.charAt(byte % ID_DIGITS.length);
    }
  }
  return id;
}

/** Kind and id of a text that is spelled like a token and whose checksum is right; undefined for every other text. Proves nothing. */
export function parseToken(text: string): { readonly kind: TokenKind; readonly id: string } | undefined {
  const match = TOKEN.exec(text);
  if (match === null) return undefined;
  const [, kind, id] = match;
  if (!isKind(kind) || id === undefined) return undefined;
  return text.endsWith(checksumOf(text.slice(0, -CHECKSUM_LENGTH))) ? { kind, id } : undefined;
}

/** SHA-256 over a context and the whole text, hex. Tokens hold 256 random bits, so that no slow hash is needed. */
export function tokenDigest(text: string): string {
  return hash('sha256', DIGEST_CONTEXT + text, 'hex');
}

/** The same as bytes, for comparing. */
export function tokenDigestBytes(text: string): Buffer {
  return hash('sha256', DIGEST_CONTEXT + text, 'buffer');
}

/** The last 4 characters, for telling keys apart (S22). They are of the checksum, so that they tell nothing of the secret alone. */
export function tokenHint(text: SecretValue): string {
  return text.reveal().slice(-4);
}

function checksumOf(body: string): string {
  return toBase62(crc32(body), CHECKSUM_LENGTH);
}

function isKind(kind: string | undefined): kind is TokenKind {
  return kind === 'g' || kind === 't' || kind === 'p' || kind === 's';
}
