import { KeyholdError } from '../ports/errors.ts';

/** The fields of a form that was sent as a body. Throws `invalid_argument` for one that stands twice: two readers could take another of the two. */
export function formIn(body: Buffer): Readonly<Record<string, string>> {
  const fields = [...new URLSearchParams(body.toString('utf8'))];
  if (new Set(fields.map(([name]) => name)).size < fields.length) throw new KeyholdError('invalid_argument', 'The form has a field twice. Send each once.');
  return Object.fromEntries(fields);
}
