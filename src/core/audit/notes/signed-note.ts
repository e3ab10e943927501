import { decodeBase64 } from '../../crypto/base64.ts';
import type { SigningKey } from './signing-key.ts';
import { type VerifierKey, isKeyName } from './verifier-key.ts';

/** A text with signatures under it (https://c2sp.org/signed-note). Nothing in it counts before a signature of a known key was checked. */
export interface SignedNote {
  /** Ends with a newline, which is signed too. */
  readonly text: string;
  readonly signatures: readonly NoteSignature[];
}

interface NoteSignature {
  readonly name: string;
  readonly keyId: Buffer;
  readonly signature: Buffer;
}

const LONGEST = 1_000_000;
/** The specification asks for 16 at least. */
const MOST_SIGNATURES = 100;
const SIGNATURE = /^\u2014 (?<name>[^ ]+) (?<encoded>[A-Za-z0-9+/]+=*)$/u;
/** Below the space, only the end of a line may stand in a note. */
const CONTROL = /[^\n\u0020-\uffff]/;

/** The note for a text, which ends with a newline, signed with each of the keys. */
export function signNote(text: string, ...keys: readonly SigningKey[]): string {
  const lines = keys.map((key) => {
    const { name, id } = key.verifier;
    return `\u2014 ${name} ${Buffer.concat([id, key.sign(text)]).toString('base64')}\n`;
  });
  return `${text}\n${lines.join('')}`;
}

/** Takes a note apart; undefined when it is none. What it says is not checked by that. */
export function parseNote(note: string): SignedNote | undefined {
  if (note.length > LONGEST || !note.isWellFormed() || CONTROL.test(note)) return undefined;
  const border = note.lastIndexOf('\n\n');
  if (border < 1 || !note.endsWith('\n')) return undefined;
  const lines = note.slice(border + 2, -1).split('\n');
  if (lines.length > MOST_SIGNATURES) return undefined;
  const signatures: NoteSignature[] = [];
  for (const line of lines) {
    const { name, encoded } = SIGNATURE.exec(line)?.groups ?? {};
    const bytes = encoded === undefined ? undefined : decodeBase64(encoded);
    if (name === undefined || !isKeyName(name) || bytes === undefined || bytes.length < 5) return undefined;
    signatures.push({ name, keyId: bytes.subarray(0, 4), signature: bytes.subarray(4) });
  }
  return { text: note.slice(0, border + 1), signatures };
}

/**
 * Whether one of the keys has signed the note. Signatures of other keys are not looked at; a wrong one of a known key spoils the note, whoever
 * else has signed it.
 */
export function isSignedBy({ text, signatures }: SignedNote, keys: readonly VerifierKey[]): boolean {
  let signed = false;
  for (const { name, keyId, signature } of signatures) {
    const key = keys.find((known) => known.name === name && known.id.equals(keyId));
    if (key === undefined) continue;
    if (!key.verifies(text, signature)) return false;
    signed = true;
  }
  return signed;
}
