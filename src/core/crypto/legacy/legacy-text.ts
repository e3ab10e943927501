/** How the parts of a legacy value are written. */
export type LegacyEncoding = 'hex' | 'base64';

/** The bytes of `iv:salt:ciphertext`; `tag` where it is a fourth part of its own. */
export interface LegacyParts {
  readonly iv: Buffer;
  readonly salt: Buffer;
  readonly ciphertext: Buffer;
  readonly tag: Buffer | undefined;
}

/** Longer than any key, by far. */
const LONGEST = 65_536;
const written: Readonly<Record<LegacyEncoding, RegExp>> = {
  hex: /^(?:[0-9A-Fa-f]{2})+$/u,
  base64: /^(?:[0-9A-Za-z+/]{4})*(?:[0-9A-Za-z+/]{2}(?:==)?|[0-9A-Za-z+/]{3}=?)?$/u,
};

/** The parts of a legacy value; undefined for a text that is none in this encoding. */
export function legacyParts(text: string, encoding: LegacyEncoding): LegacyParts | undefined {
  if (text.length > LONGEST) return undefined;
  const parts = text.split(':');
  if (!parts.every((part) => part !== '' && written[encoding].test(part))) return undefined;
  const [iv, salt, ciphertext, tag, ...more] = parts.map((part) => Buffer.from(part, encoding));
  if (iv === undefined || salt === undefined || ciphertext === undefined || more.length > 0) return undefined;
  return { iv, salt, ciphertext, tag };
}

/** Whether a text has the shape of a legacy value, in whichever encoding: three or four parts between colons. */
export function looksLikeLegacyText(text: string): boolean {
  return legacyParts(text, 'hex') !== undefined || legacyParts(text, 'base64') !== undefined;
}
