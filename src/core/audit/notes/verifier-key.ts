import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto';
import { decodeBase64 } from '../../crypto/base64.ts';

/** The signature type «Ed25519 over the note's text» (https://c2sp.org/signed-note). */
export const ED25519 = 0x01;
const KEY_BYTES = 32;
/** What stands before the key's bytes in its DER form (RFC 8410, section 4). */
const SPKI = Buffer.from('302a300506032b6570032100', 'hex');
/** Names hold no plus, no white space and nothing that a terminal would not show. */
const NAME = /^[\x21-\x2a\x2c-\x7e]{1,200}$/;
const VKEY = /^([^+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+=*)$/;

/** Somebody's public key, under the name of the tree whose heads it signs. */
export class VerifierKey {
  readonly name: string;
  /** The 32 bytes of RFC 8032. */
  readonly publicKey: Buffer;
  /** 4 bytes: a short name of name and key together, not a proof of anything. */
  readonly id: Buffer;
  readonly #key: KeyObject;

  /** Throws `RangeError` for a name or a key that cannot be. */
  constructor(name: string, publicKey: Buffer) {
    if (!isKeyName(name)) throw new RangeError('a key\'s name is 1 to 200 printable ASCII characters without spaces and plus');
    if (publicKey.length !== KEY_BYTES) throw new RangeError(`an Ed25519 public key has ${KEY_BYTES} bytes, not ${publicKey.length}`);
    this.name = name;
    this.publicKey = publicKey;
    this.id = keyId(name, ED25519, publicKey);
    this.#key = ed25519Key(publicKey);
  }

  /** The same key under another name: each tree's heads are signed under the tree's own. */
  named(name: string): VerifierKey {
    return name === this.name ? this : new VerifierKey(name, this.publicKey);
  }

  verifies(text: string, signature: Buffer): boolean {
    return verify(null, Buffer.from(text), this.#key, signature);
  }

  /** The key as one line: `<name>+<id>+<base64 of type and key>`. */
  toString(): string {
    return vkeyText(this.name, ED25519, this.publicKey);
  }
}

/** The key that such a line says; undefined when it is none, or when its parts do not fit each other. */
export function parseVerifierKey(text: string): VerifierKey | undefined {
  const { name, type, publicKey } = parseVkey(text) ?? {};
  return name === undefined || publicKey === undefined || type !== ED25519 ? undefined : new VerifierKey(name, publicKey);
}

/** The parts of a line `<name>+<id>+<base64 of type and key>` with an Ed25519 key of whatever type; undefined when they do not fit each other. */
export function parseVkey(text: string): { readonly name: string; readonly type: number; readonly publicKey: Buffer } | undefined {
  const [, name, id, encoded] = VKEY.exec(text) ?? [];
  if (name === undefined || encoded === undefined || !isKeyName(name)) return undefined;
  const bytes = decodeBase64(encoded);
  const type = bytes?.[0];
  if (bytes === undefined || type === undefined || bytes.length !== KEY_BYTES + 1) return undefined;
  const publicKey = bytes.subarray(1);
  return keyId(name, type, publicKey).toString('hex') === id ? { name, type, publicKey } : undefined;
}

/** Such a line. */
export function vkeyText(name: string, type: number, publicKey: Buffer): string {
  return `${name}+${keyId(name, type, publicKey).toString('hex')}+${Buffer.concat([Uint8Array.of(type), publicKey]).toString('base64')}`;
}

/** 4 bytes for a name, a signature type and a key together. */
export function keyId(name: string, type: number, publicKey: Buffer): Buffer {
  return createHash('sha256').update(`${name}\n`).update(Uint8Array.of(type)).update(publicKey).digest().subarray(0, 4);
}

/** The 32 bytes of RFC 8032 as a key that verifies. */
export function ed25519Key(publicKey: Buffer): KeyObject {
  return createPublicKey({ key: Buffer.concat([SPKI, publicKey]), format: 'der', type: 'spki' });
}

export function isKeyName(name: string): boolean {
  return NAME.test(name);
}
