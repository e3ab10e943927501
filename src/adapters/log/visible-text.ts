/** Control and format characters (ANSI, bidirectional, zero-width), line separators, and halves of surrogate pairs. */
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/**
 * Text in which every character that could steer a terminal, reorder a line or begin a new one is spelled out: `\u001b` (S35). It
 * is put into the value itself, so that whoever prints the value later is safe too.
 */
export function visibleText(text: string): string {
  return text.replaceAll(INVISIBLE, (character) => {
    const code = (character.codePointAt(0) ?? 0).toString(16);
    return code.length > 4 ? String.raw`\u{${code}}` : String.raw`\u` + code.padStart(4, '0');
  });
}

/** The same line by line, for text whose newlines are ours. */
export function visibleLines(text: string): string {
  return text.split('\n').map(visibleText).join('\n');
}
