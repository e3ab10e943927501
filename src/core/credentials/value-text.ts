const SHORTEST = 8;
const USABLE = /^[\x21-\x7e]+$/;

/** Whether a value can go into a header as it is: printable ASCII without spaces, so that no CR or LF ever reaches a socket (S5). */
export function isUsable(value: string): boolean {
  return USABLE.test(value);
}

/** What is wrong with a value at hand-over, as the rest of a sentence that begins with the field's name; never quotes it (S5). */
export function valueProblem(value: unknown): string | undefined {
  if (typeof value !== 'string') return 'must be a text';
  if (value === '') return 'is empty';
  if (/[\r\n]$/.test(value)) return 'ends with a newline; copy it without the line break';
  if (/^\s|\s$/.test(value)) return 'begins or ends with a space; copy it without';
  if (/[\r\n]/.test(value)) return 'contains a line break; it has to be one line';
  if (/\s/.test(value)) return 'contains a space; copy the key alone, without "Bearer" or other words before it';
  if (!isUsable(value)) return 'contains a character that is not printable ASCII; copy it again from where it was issued';
  if (value.length < SHORTEST) return `has fewer than ${SHORTEST} characters; copy all of it`;
  return undefined;
}
