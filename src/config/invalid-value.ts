/** Why a variable's value cannot be used: a phrase that follows the variable's name. It never holds a secret. */
export class InvalidValue extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = 'InvalidValue';
  }
}

const LONGEST_QUOTE = 60;

/** A value that is not a secret, as it may be shown in a terminal: quoted, shortened, nothing but printable ASCII. */
export function quoted(text: string): string {
  const shown = text.length > LONGEST_QUOTE ? `${text.slice(0, LONGEST_QUOTE)}…` : text;
  return JSON.stringify(shown).replaceAll(/[^\x20-\x7e…]/gu, (character) =>
    [...Array(character.length).keys()].map((index) => String.raw`\u` + character.charCodeAt(index).toString(16).padStart(4, '0')).join(''),
  );
}
