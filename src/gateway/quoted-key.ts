const ESCAPE = /\\(?:u([0-9a-fA-F]{4})|(.))/gs;

/** Whether a provider's text holds the key, as it is or with the escapes of JSON (`\/`, `\u002d`). */
export function quotesKey(text: string, key: string): boolean {
  if (text.includes(key)) return true;
  return text.includes('\\') && withoutEscapes(text).includes(key);
}

function withoutEscapes(text: string): string {
  return text.replace(ESCAPE, (_, digits: string | undefined, character: string | undefined) =>
    digits === undefined ? (character ?? '') : String.fromCharCode(Number.parseInt(digits, 16)),
  );
}
