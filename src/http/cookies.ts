import { KeyholdError } from '../ports/errors.ts';

/** The value that a request's cookies have under this name; undefined where there is none. Throws `invalid_argument` for two different ones (S22). */
export function presentedCookie(rawHeaders: readonly string[], cookie: string): string | undefined {
  let found: string | undefined;
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    if (rawHeaders[at]?.toLowerCase() !== 'cookie') continue;
    for (const pair of (rawHeaders[at + 1] ?? '').split(';')) {
      const [name, ...value] = pair.split('=');
      const text = value.join('=').trim();
      if (name?.trim() !== cookie || text === '') continue;
      if (found !== undefined && found !== text) throw new KeyholdError('invalid_argument', `The request carries two different cookies ${cookie}. Send one.`);
      found = text;
    }
  }
  return found;
}
