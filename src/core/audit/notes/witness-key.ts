import { type KeyObject, verify } from 'node:crypto';
import { parseNote } from './signed-note.ts';
import { ED25519, ed25519Key, keyId, parseVkey, vkeyText } from './verifier-key.ts';

/** The signature type «timestamped Ed25519 cosignature of a checkpoint» (https://c2sp.org/tlog-cosignature). */
const COSIGNATURE = 0x04;
const TIME_BYTES = 8;
const SIGNATURE_BYTES = 64;

/** What a witness said of a checkpoint: that it goes on from all that it has seen of the log. */
export interface Cosignature {
  /** The signature's line, without its newline. */
  readonly line: string;
  /** Seconds since 1970: when the witness said so. */
  readonly at: number;
}

/** A witness's public key. */
export class WitnessKey {
  readonly name: string;
  readonly publicKey: Buffer;
  readonly #id: Buffer;
  readonly #key: KeyObject;

  constructor(name: string, publicKey: Buffer) {
    this.name = name;
    this.publicKey = publicKey;
    this.#id = keyId(name, COSIGNATURE, publicKey);
    this.#key = ed25519Key(publicKey);
  }

  /** The witness's cosignature under a checkpoint; undefined where there is none that verifies. Signatures of others are not looked at. */
  cosignatureIn(note: string): Cosignature | undefined {
    const parsed = parseNote(note);
    for (const { name, keyId: id, signature } of parsed?.signatures ?? []) {
      if (parsed === undefined || name !== this.name || !id.equals(this.#id) || signature.length !== TIME_BYTES + SIGNATURE_BYTES) continue;
      const at = signature.readBigUInt64BE();
      const message = `cosignature/v1\ntime ${at}\n${parsed.text}`;
      if (at > BigInt(Number.MAX_SAFE_INTEGER) || !verify(null, Buffer.from(message), this.#key, signature.subarray(TIME_BYTES))) continue;
      return { line: `\u2014 ${name} ${Buffer.concat([id, signature]).toString('base64')}`, at: Number(at) };
    }
    return undefined;
  }

  /** The key as one line, a verifier key of C2SP's signed-note. */
  toString(): string {
    return vkeyText(this.name, COSIGNATURE, this.publicKey);
  }
}

/**
 * The key that a verifier key's line says, of the type for cosignatures or, as some witnesses publish theirs, of the one for plain notes; undefined
 * for anything else.
 */
export function parseWitnessKey(text: string): WitnessKey | undefined {
  const found = parseVkey(text);
  return found === undefined || (found.type !== COSIGNATURE && found.type !== ED25519) ? undefined : new WitnessKey(found.name, found.publicKey);
}
