const UNSAFE = /[^\t\x20-\x7e\x80-\xff]/;
/** Up to here looking at each character costs less than calling for a regular expression. */
const SHORT = 64;

/** Whether a text can be the value of a header: nothing in it ends its line (S5; RFC 9110, section 5.5, one character a byte). */
export function isFieldValue(text: string): boolean {
  const { length } = text;
  if (length > SHORT) return !UNSAFE.test(text);
  for (let at = 0; at < length; at += 1) {
    const code = text.charCodeAt(at);
    if (code < 0x20 ? code !== 0x09 : code === 0x7f || code > 0xff) return false;
  }
  return true;
}
