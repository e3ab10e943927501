import { isUtf8 } from 'node:buffer';
import { KeyholdError } from '../../ports/errors.ts';

/** How deep objects and arrays may nest; the deepest body of the resource API has 4 levels. */
const MAX_DEPTH = 32;

const ESCAPES: Readonly<Record<string, string>> = { '"': '"', '\\': '\\', '/': '/', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' };
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
/** Characters that a string may hold as they are (RFC 8259, section 7). */
const PLAIN = /[\u0020\u0021\u0023-\u005b\u005d-\uffff]*/y;
const HEX4 = /^[0-9a-fA-F]{4}$/;

/**
 * A request body as JSON, more strictly than `JSON.parse` (R0.3): a key that appears twice in one object, a NUL, a lone surrogate
 * (also as an escape), a number beyond what a double can hold, deep nesting and bytes that are not UTF-8 are refused. Objects have
 * no prototype, so that a key `__proto__` is a key like any other.
 *
 * Throws `invalid_argument` that says what is wrong and where; it never quotes a value, since values are secrets here.
 */
export function parseStrictJson(bytes: Buffer): unknown {
  if (!isUtf8(bytes)) throw refused(`byte ${firstBadByte(bytes)} of the body is not UTF-8 text. Send the body encoded as UTF-8.`);
  const text = bytes.toString('utf8');
  if (text.startsWith('\uFEFF')) throw refused('the body begins with a byte order mark. Send it without one.');
  return new Reader(text).document();
}

class Reader {
  readonly #text: string;
  readonly #path: (string | number)[] = [];
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  document(): unknown {
    const value = this.#value();
    this.#space();
    if (this.#at < this.#text.length) throw this.#syntax('there is something after the end of the JSON value');
    return value;
  }

  #value(): unknown {
    this.#space();
    const character = this.#text[this.#at];
    if (character === '{') return this.#nested(() => this.#object());
    if (character === '[') return this.#nested(() => this.#array());
    if (character === '"') return this.#wellFormed(this.#string(), 'the text');
    if (character === '-' || (character !== undefined && character >= '0' && character <= '9')) return this.#number();
    if (this.#word('true')) return true;
    if (this.#word('false')) return false;
    if (this.#word('null')) return null;
    throw this.#syntax(character === undefined ? 'it ends where a value is expected' : 'a value is expected');
  }

  #nested<T>(read: () => T): T {
    if (this.#path.length >= MAX_DEPTH) throw refused(`the body nests deeper than ${MAX_DEPTH} levels at character ${this.#at + 1}.`);
    this.#at += 1;
    return read();
  }

  #object(): Record<string, unknown> {
    const object: Record<string, unknown> = { __proto__: null };
    this.#space();
    if (this.#take('}')) return object;
    do {
      this.#space();
      if (this.#text[this.#at] !== '"') throw this.#syntax('a key in double quotes is expected');
      const key = this.#wellFormed(this.#string(), 'a key');
      if (Object.hasOwn(object, key)) throw refused(`the key ${shown(key)} appears twice ${this.#place()}. Send each key once.`);
      this.#space();
      if (!this.#take(':')) throw this.#syntax('a colon is expected after the key');
      this.#path.push(key);
      object[key] = this.#value();
      this.#path.pop();
      this.#space();
    } while (this.#take(','));
    if (!this.#take('}')) throw this.#syntax('a comma or } is expected');
    return object;
  }

  #array(): unknown[] {
    const items: unknown[] = [];
    this.#space();
    if (this.#take(']')) return items;
    do {
      this.#path.push(items.length);
      items.push(this.#value());
      this.#path.pop();
      this.#space();
    } while (this.#take(','));
    if (!this.#take(']')) throw this.#syntax('a comma or ] is expected');
    return items;
  }

  #string(): string {
    this.#at += 1;
    let value = '';
    for (;;) {
      PLAIN.lastIndex = this.#at;
      const plain = PLAIN.exec(this.#text)?.[0] ?? '';
      value += plain;
      this.#at += plain.length;
      const character = this.#text[this.#at];
      if (character === undefined) throw this.#syntax('a text is not closed by a double quote');
      if (character === '"') {
        this.#at += 1;
        return value;
      }
      if (character !== '\\') throw this.#syntax('a control character stands in a text as it is; write it as an escape');
      value += this.#escape();
    }
  }

  #escape(): string {
    const letter = this.#text[this.#at + 1] ?? '';
    if (letter === 'u') {
      const digits = this.#text.slice(this.#at + 2, this.#at + 6);
      if (!HEX4.test(digits)) throw this.#syntax('\\u must be followed by four hexadecimal digits');
      this.#at += 6;
      return String.fromCharCode(Number.parseInt(digits, 16));
    }
    const meant = Object.hasOwn(ESCAPES, letter) ? ESCAPES[letter] : undefined;
    if (meant === undefined) throw this.#syntax('a text holds an escape that JSON does not know');
    this.#at += 2;
    return meant;
  }

  #number(): number {
    NUMBER.lastIndex = this.#at;
    const digits = NUMBER.exec(this.#text)?.[0];
    if (digits === undefined) throw this.#syntax('a number is not complete');
    const value = Number(digits);
    if (!Number.isFinite(value)) throw refused(`the number ${this.#place()} is too large.`);
    this.#at += digits.length;
    return value;
  }

  #wellFormed(text: string, what: string): string {
    if (text.includes('\u0000')) throw refused(`${what} ${this.#place()} contains a NUL character. Remove it.`);
    if (!text.isWellFormed()) throw refused(`${what} ${this.#place()} contains half of a surrogate pair, which is no character. Remove it.`);
    return text;
  }

  #word(word: string): boolean {
    if (!this.#text.startsWith(word, this.#at)) return false;
    this.#at += word.length;
    return true;
  }

  #take(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at += 1;
    return true;
  }

  #space(): void {
    while (/[ \t\n\r]/.test(this.#text[this.#at] ?? '')) this.#at += 1;
  }

  #place(): string {
    return this.#path.length === 0 ? 'at the top level' : `at ${shown(this.#path.join('.'))}`;
  }

  #syntax(what: string): KeyholdError {
    const before = this.#text.slice(0, this.#at);
    const line = before.split('\n').length;
    const column = this.#at - before.lastIndexOf('\n');
    return refused(`${what} (line ${line}, column ${column}).`);
  }
}

function shown(name: string): string {
  const cut = name.length > 80 ? `${name.slice(0, 80).toWellFormed()}…` : name;
  return JSON.stringify(cut);
}

function firstBadByte(bytes: Buffer): number {
  let good = 0;
  let bad = bytes.length;
  while (bad - good > 1) {
    const middle = (good + bad) >> 1;
    if (isUtf8Prefix(bytes.subarray(0, middle))) good = middle;
    else bad = middle;
  }
  return bad;
}

/** Whether the bytes are UTF-8 that may be cut inside its last character. */
function isUtf8Prefix(bytes: Buffer): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: true });
    return true;
  } catch {
    return false;
  }
}

function refused(what: string): KeyholdError {
  return new KeyholdError('invalid_argument', `The request body cannot be read as JSON: ${what}`);
}
