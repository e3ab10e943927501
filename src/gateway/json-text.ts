import { KeyholdError } from '../ports/errors.ts';
import type { Spellings } from './spellings.ts';

const MAX_DEPTH = 512;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const ESCAPED: ReadonlySet<string> = new Set(['"', '\\', '/', 'b', 'f', 'n', 'r', 't']);
/** By their first letters. */
const WORDS: Readonly<Partial<Record<string, string>>> = { t: 'true', f: 'false', n: 'null' };
const HEX4 = /[0-9a-fA-F]{4}/y;

/**
 * A cursor over JSON text with one character per byte of UTF-8. Accepts exactly what `JSON.parse` accepts, but for nesting deeper
 * than 512 levels. Throws `invalid_argument` that names the byte and quotes nothing.
 */
export class JsonText {
  readonly #text: string;
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get position(): number {
    return this.#at;
  }

  /** Whether the next character is this one. */
  at(character: string): boolean {
    return this.#text[this.#at] === character;
  }

  space(): void {
    for (;;) {
      const code = this.#text.charCodeAt(this.#at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
      this.#at += 1;
    }
  }

  open(bracket: '{' | '['): void {
    if (!this.at(bracket)) throw this.#wrong();
    this.#at += 1;
    this.space();
  }

  /** Takes the bracket that ends an empty object or list. */
  closes(bracket: '}' | ']'): boolean {
    if (!this.at(bracket)) return false;
    this.#at += 1;
    return true;
  }

  /** Behind a value: takes a comma and tells true, or the closing bracket and tells false. */
  comma(bracket: '}' | ']'): boolean {
    this.space();
    if (this.at(',')) {
      this.#at += 1;
      this.space();
      return true;
    }
    if (!this.at(bracket)) throw this.#wrong();
    this.#at += 1;
    return false;
  }

  colon(): void {
    this.space();
    if (!this.at(':')) throw this.#wrong();
    this.#at += 1;
    this.space();
  }

  /** Nothing but space may follow. */
  end(): void {
    this.space();
    if (this.#at < this.#text.length) throw this.#wrong();
  }

  deeper(): void {
    this.#depth += 1;
    if (this.#depth > MAX_DEPTH) throw new KeyholdError('invalid_argument', `The request body nests deeper than ${MAX_DEPTH} levels.`);
  }

  shallower(): void {
    this.#depth -= 1;
  }

  /** What a key means, as `meant` tells it or told it of the same spelling. One that is longer than `longest`, even when its escapes are undone, is `''` to it since it means nothing. */
  key<T>(longest: number, known: Spellings<T>, meant: (key: string) => T): T {
    const start = this.#at + 1;
    const plain = this.skipString();
    const end = this.#at - 1;
    const length = end - start;
    // An escape spells one character with six at most, a folded character needs up to four bytes.
    if (!plain) return meant(length > longest * 12 ? '' : this.#decoded(start - 1));
    if (length > longest) return meant('');
    const found = known.find(this.#text, start, end);
    if (found !== undefined) return found.value;
    const key = this.#text.slice(start, end);
    return known.remember(key, meant(key)).value;
  }

  stringValue(): string {
    const start = this.#at;
    return this.skipString() ? this.#text.slice(start + 1, this.#at - 1) : this.#decoded(start);
  }

  /** Tells whether the string was plain ASCII without escapes. */
  skipString(): boolean {
    if (!this.at('"')) throw this.#wrong();
    const text = this.#text;
    let at = this.#at + 1;
    let seen = 0;
    let escaped = false;
    for (;;) {
      const code = text.charCodeAt(at);
      if (code === QUOTE) break;
      if (code === BACKSLASH) {
        escaped = true;
        at = this.#afterEscape(at);
        continue;
      }
      // NaN, behind the end, fails the comparison too.
      if (!(code >= 0x20)) {
        this.#at = at;
        throw this.#wrong();
      }
      seen |= code;
      at += 1;
    }
    this.#at = at + 1;
    return !escaped && seen < 0x80;
  }

  #afterEscape(at: number): number {
    const letter = this.#text[at + 1] ?? '';
    if (ESCAPED.has(letter)) return at + 2;
    HEX4.lastIndex = at + 2;
    if (letter === 'u' && HEX4.test(this.#text)) return at + 6;
    this.#at = at;
    throw this.#wrong();
  }

  /** A text; gives so much of its beginning, as it is written. */
  stringBeginning(length: number): string {
    const beginning = this.#text.slice(this.#at + 1, this.#at + 1 + length);
    this.skipString();
    return beginning;
  }

  /** A number, `true`, `false` or `null`; gives the number. */
  literal(): number | undefined {
    const word = WORDS[this.#text[this.#at] ?? ''];
    if (word !== undefined && this.#text.startsWith(word, this.#at)) {
      this.#at += word.length;
      return undefined;
    }
    NUMBER.lastIndex = this.#at;
    const match = NUMBER.exec(this.#text);
    if (match === null) throw this.#wrong();
    this.#at += match[0].length;
    return Number(match[0]);
  }

  #decoded(start: number): string {
    const text: unknown = JSON.parse(Buffer.from(this.#text.slice(start, this.#at), 'latin1').toString('utf8'));
    return typeof text === 'string' ? text : '';
  }

  #wrong(): KeyholdError {
    return new KeyholdError('invalid_argument', `The request body is not valid JSON (at byte ${this.#at + 1}).`);
  }
}
