import { KeyholdError } from '../ports/errors.ts';

/**
 * The key a request presents in one of these headers (lower case), or undefined when there is none. In `authorization` it stands
 * behind `Bearer`. Looks at the raw headers, since Node keeps the first of two `Authorization` lines (S22).
 *
 * Throws `invalid_argument` for two different keys, and `unauthenticated` for an `Authorization` of another scheme.
 */
export function presentedKey(rawHeaders: readonly string[], headerNames: readonly string[]): string | undefined {
  let found: string | undefined;
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = namedIn(headerNames, rawHeaders[at] ?? '');
    if (name === undefined) continue;
    const value = (rawHeaders[at + 1] ?? '').trim();
    const key = name === 'authorization' ? bearer(value) : value;
    if (key === '') continue;
    if (found !== undefined && found !== key) {
      throw new KeyholdError('invalid_argument', 'The request carries two different keys. Send one key, in one header.');
    }
    found = key;
  }
  return found;
}

/** Which of these names it is, however it is spelled. */
function namedIn(names: readonly string[], spelling: string): string | undefined {
  for (const name of names) if (name.length === spelling.length && name === spelling.toLowerCase()) return name;
  return undefined;
}

function bearer(value: string): string {
  if (value === '') return '';
  const match = /^bearer(?: +(\S*))?$/i.exec(value);
  if (match === null) throw new KeyholdError('unauthenticated', 'Send the key as Authorization: Bearer <key>.');
  return match[1] ?? '';
}
