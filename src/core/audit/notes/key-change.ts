import { isSignedBy, parseNote, signNote } from './signed-note.ts';
import type { SigningKey } from './signing-key.ts';
import { parseVerifierKey, type VerifierKey } from './verifier-key.ts';

/** One key took another's place, which both of them have signed. */
export interface KeyChange {
  readonly from: VerifierKey;
  readonly to: VerifierKey;
}

const TITLE = 'keyhold audit key change';

/** The note that says so; `from` is left out of its signatures only when it was lost, and then nobody has to believe it. */
export function signKeyChange(from: SigningKey | VerifierKey, to: SigningKey): string {
  const verifier = 'verifier' in from ? from.verifier : from;
  const text = `${TITLE}\n${String(verifier)}\n${String(to.verifier)}\n`;
  return 'verifier' in from ? signNote(text, from, to) : signNote(text, to);
}

/** What such a note says, if both keys have signed it; else undefined. */
export function openKeyChange(note: string): KeyChange | undefined {
  const parsed = parseNote(note);
  const [title, fromText = '', toText = '', end, ...more] = parsed?.text.split('\n') ?? [];
  const [from, to] = [parseVerifierKey(fromText), parseVerifierKey(toText)];
  if (parsed === undefined || title !== TITLE || end !== '' || more.length > 0 || from === undefined || to === undefined) return undefined;
  if (parsed.signatures.length !== 2 || !isSignedBy(parsed, [from]) || !isSignedBy(parsed, [to])) return undefined;
  return { from, to };
}
