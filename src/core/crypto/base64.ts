/**
 * The bytes of a standard base64 text with padding, or undefined when it is not exactly what encoding those bytes gives: one
 * value has one text, so a changed character is always noticed (`Buffer.from` skips what it does not know).
 */
export function decodeBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes : undefined;
}
