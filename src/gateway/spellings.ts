/** What is longer is no name that anybody has in mind. */
const LONGEST = 64;
/** With those that strangers make up there are never more to look through than this. */
const MAX_OF_ONE_LENGTH = 24;

export interface Spelling<T> {
  readonly spelling: string;
  readonly value: T;
}

/**
 * What was found out about names, by their exact spelling, found in a text without taking the name out of it. A piece of a text as a key of a Map is a new
 * text each time, which V8 has to hash and to look up among all it knows, and that costs more than all that is done with the name (docs/performance.md).
 */
export class Spellings<T> {
  readonly #byLength: readonly Spelling<T>[][] = Array.from({ length: LONGEST + 1 }, () => []);

  /** What is remembered of the name that stands in the text from here to there. */
  find(text: string, from: number, to: number): Spelling<T> | undefined {
    const known = this.#byLength[to - from];
    if (known === undefined) return undefined;
    for (const one of known) if (text.startsWith(one.spelling, from)) return one;
    return undefined;
  }

  /** Latin1 names alone. Of those that are too long, and of too many, nothing is remembered. */
  remember(spelling: string, value: T): Spelling<T> {
    // A copy: a piece of a text keeps the whole text, with a key in it, alive.
    const one = { spelling: Buffer.from(spelling, 'latin1').toString('latin1'), value };
    const known = this.#byLength[spelling.length];
    if (known !== undefined && known.length < MAX_OF_ONE_LENGTH) known.push(one);
    return one;
  }
}
