import { createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';
import type { RandomBytes } from '../../../ports/clock.ts';
import { SecretValue } from '../../../ports/secret-value.ts';
import { decodeBase64 } from '../../crypto/base64.ts';
import { ED25519, isKeyName, VerifierKey } from './verifier-key.ts';

const SEED_BYTES = 32;
/** What stands before the seed in the key's DER form (RFC 8410, section 7). */
const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex');
const SKEY = /^PRIVATE\+KEY\+([^+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+=*)$/;

/** Signs the heads of a log. What it is made from stays in it. */
export class SigningKey {
  readonly verifier: VerifierKey;
  readonly #key: KeyObject;

  private constructor(key: KeyObject, verifier: VerifierKey) {
    this.#key = key;
    this.verifier = verifier;
  }

  static fromSeed(name: string, seed: Buffer): SigningKey {
    const key = createPrivateKey({ key: Buffer.concat([PKCS8, seed]), format: 'der', type: 'pkcs8' });
    const der = createPublicKey(key).export({ format: 'der', type: 'spki' });
    return new SigningKey(key, new VerifierKey(name, der.subarray(-SEED_BYTES)));
  }

  /** The same key under another name: each tree's heads are signed under the tree's own. */
  named(name: string): SigningKey {
    return new SigningKey(this.#key, this.verifier.named(name));
  }

  sign(text: string): Buffer {
    return sign(null, Buffer.from(text), this.#key);
  }
}

/** A new key, as the line that keeps it: `PRIVATE+KEY+<name>+<id>+<base64 of type and seed>`, the form that other tools for signed notes have. */
export function newSigningKeyLine(name: string, random: RandomBytes): SecretValue {
  const seed = random(SEED_BYTES);
  const { verifier } = SigningKey.fromSeed(name, seed);
  const bytes = Buffer.concat([Uint8Array.of(ED25519), seed]);
  const line = `PRIVATE+KEY+${name}+${verifier.id.toString('hex')}+${bytes.toString('base64')}`;
  seed.fill(0);
  bytes.fill(0);
  return new SecretValue(line);
}

/** The key that such a line keeps; undefined when it is none, or when its parts do not fit each other. */
export function parseSigningKey(line: SecretValue): SigningKey | undefined {
  const [, name, id, encoded] = SKEY.exec(line.reveal()) ?? [];
  if (name === undefined || encoded === undefined || !isKeyName(name)) return undefined;
  const bytes = decodeBase64(encoded);
  if (bytes === undefined || bytes.length !== SEED_BYTES + 1 || bytes[0] !== ED25519) return undefined;
  const key = SigningKey.fromSeed(name, bytes.subarray(1));
  bytes.fill(0);
  return key.verifier.id.toString('hex') === id ? key : undefined;
}
