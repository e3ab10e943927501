const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const KEY = Buffer.from('usage');
const NOT_ASCII = /[\x80-\xff]/;
const MAX_CAPTURE = 64 * 1024;
/** Up to here looking at each byte costs less than asking for the next of a kind. */
const SHORT = 24;

/**
 * Finds the top-level `usage` of a JSON answer while its bytes pass, whatever its size, and knows whether the answer is whole.
 * Reads each byte once and keeps none but those of `usage`.
 */
export class JsonUsage {
  #depth = 0;
  #inString = false;
  #escaped = false;
  #begun = false;
  #ended = false;
  /** How much of `"usage"` a string at depth 1 has matched; -1: it is another one. */
  #matched = -1;
  /** 0: nothing; 1: `usage` was the last string at depth 1; 2: and a colon followed; 3: inside its value. */
  #stage = 0;
  /** The bytes of its value so far, one character each. */
  #captured = '';
  #text: string | undefined;

  feed(chunk: Buffer): void {
    const { length } = chunk;
    let captureFrom = 0;
    /** Where the next one is; looked for when it is passed. */
    let backslash = -1;
    for (let at = 0; at < length; at += 1) {
      let byte = chunk[at] ?? 0;
      // Most bytes are inside strings that are no key of the top level.
      if (this.#inString && this.#matched < 0 && !this.#escaped && byte !== QUOTE && byte !== BACKSLASH) {
        if (backslash < at) backslash = found(chunk, BACKSLASH, at);
        at = Math.min(backslash, found(chunk, QUOTE, at), length - 1);
        byte = chunk[at] ?? 0;
      }
      if (this.#inString) {
        this.#stringByte(byte);
        continue;
      }
      const before = this.#stage;
      this.#plainByte(byte);
      if (this.#stage === before) continue;
      if (this.#stage === 3) captureFrom = at;
      else if (before === 3) this.#endCapture(chunk.toString('latin1', captureFrom, at + 1));
    }
    if (this.#stage === 3) this.#capture(chunk.toString('latin1', captureFrom));
  }

  /** The answer was one object, or one list, from its first bracket to its last. */
  get whole(): boolean {
    return this.#begun && this.#ended;
  }

  /** The parsed value of `usage`; undefined when there was none. */
  value(): unknown {
    if (this.#text === undefined) return undefined;
    try {
      return JSON.parse(this.#text);
    } catch {
      return undefined;
    }
  }

  #stringByte(byte: number): void {
    if (this.#escaped) {
      this.#escaped = false;
      this.#matched = -1;
    } else if (byte === BACKSLASH) {
      this.#escaped = true;
    } else if (byte === QUOTE) {
      this.#inString = false;
      if (this.#depth === 1) this.#stage = this.#matched === KEY.length ? 1 : 0;
    } else if (this.#matched >= 0) {
      this.#matched = KEY[this.#matched] === byte ? this.#matched + 1 : -1;
    }
  }

  #plainByte(byte: number): void {
    switch (byte) {
      case QUOTE:
        this.#inString = true;
        this.#matched = this.#depth === 1 && this.#stage !== 2 ? 0 : -1;
        return;
      case 0x7b:
      case 0x5b:
        this.#begun = true;
        this.#depth += 1;
        if (this.#stage === 2 && byte === 0x7b) this.#stage = 3;
        return;
      case 0x7d:
      case 0x5d:
        this.#depth -= 1;
        if (this.#stage === 3 && this.#depth === 1) this.#stage = 0;
        if (this.#depth === 0) this.#ended = true;
        return;
      case 0x3a:
        if (this.#depth === 1) this.#stage = this.#stage === 1 ? 2 : 0;
        return;
      default:
    }
  }

  #capture(bytes: string): void {
    if (this.#captured.length < MAX_CAPTURE) this.#captured += bytes;
  }

  #endCapture(bytes: string): void {
    this.#capture(bytes);
    this.#text = NOT_ASCII.test(this.#captured) ? Buffer.from(this.#captured, 'latin1').toString('utf8') : this.#captured;
    this.#captured = '';
  }
}

/** Where the next such byte is, from here on; behind the end where there is none. */
function found(chunk: Buffer, byte: number, from: number): number {
  const near = Math.min(from + SHORT, chunk.length);
  for (let at = from; at < near; at += 1) if (chunk[at] === byte) return at;
  const at = chunk.indexOf(byte, near);
  return at === -1 ? chunk.length : at;
}
