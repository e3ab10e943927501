import { UpstreamFailure } from './upstream-failure.ts';

/** Of a size with its extensions, and of a trailer's line (RFC 9112, section 7.1). */
const MAX_LINE = 4 * 1024;
const MAX_TRAILERS = 16 * 1024;
const SIZE = /^([0-9A-Fa-f]{1,12})[\t ]*(?:;[\t\x20-\x7e\x80-\xff]*)?$/;
const TRAILER = /^[!#$%&'*+\-.^_`|~\w]+:[\t\x20-\x7e\x80-\xff]*$/;
/** Below 2^32. */
const MAX_SHORT_DIGITS = 8;
const LF = 0x0a;
const CR = 0x0d;

/** Takes the chunked coding off a body, piece by piece as it comes. Trailers are read and dropped (S7). */
export class ChunkedBody {
  #state: 'size' | 'data' | 'data-end' | 'trailers' | 'over' = 'size';
  /** Bytes of the current chunk that have not come. */
  #missing = 0;
  /** The beginning of a line whose end has not come. */
  #line = '';
  #trailers = 0;
  /** How many bytes of the body the last call of `feed` found. */
  length = 0;

  /** The last chunk and what belongs to it have come. */
  get over(): boolean {
    return this.#state === 'over';
  }

  /**
   * Takes bytes in, and moves what of them is the body to their front: `length` bytes, also where it throws. Gives how many bytes were used: all,
   * except where the body ended before the last. Throws UpstreamFailure `bad_answer` for what is no chunked body.
   */
  feed(bytes: Buffer): number {
    this.length = 0;
    let at = 0;
    while (at < bytes.length && this.#state !== 'over') {
      if (this.#state === 'data') {
        const end = Math.min(bytes.length, at + this.#missing);
        bytes.copyWithin(this.length, at, end);
        this.length += end - at;
        this.#missing -= end - at;
        at = end;
        if (this.#missing === 0) this.#state = 'data-end';
        continue;
      }
      at = this.#short(bytes, at) ?? this.#long(bytes, at);
    }
    return at;
  }

  /** Reads what nearly every line is: an end of a chunk, or a size alone, whole. Gives where it ends; undefined, and nothing is read, otherwise. */
  #short(bytes: Buffer, from: number): number | undefined {
    if (this.#line !== '' || this.#state === 'trailers') return undefined;
    let at = from;
    if (this.#state === 'data-end') {
      if (bytes[at] !== CR || bytes[at + 1] !== LF) return undefined;
      this.#state = 'size';
      return at + 2;
    }
    let size = 0;
    for (let digit = hexDigit(bytes[at]); digit !== -1 && at - from < MAX_SHORT_DIGITS; digit = hexDigit(bytes[at])) {
      size = size * 16 + digit;
      at += 1;
    }
    if (at === from || bytes[at] !== CR || bytes[at + 1] !== LF) return undefined;
    this.#begin(size);
    return at + 2;
  }

  /** Reads any line, or the part of it that is there. */
  #long(bytes: Buffer, from: number): number {
    const end = bytes.indexOf(LF, from);
    this.#line += bytes.toString('latin1', from, end === -1 ? bytes.length : end + 1);
    if (this.#line.length > MAX_LINE) throw bad();
    if (end === -1) return bytes.length;
    const line = this.#line;
    this.#line = '';
    if (line.length < 2 || line.charCodeAt(line.length - 2) !== CR) throw bad();
    this.#read(line.slice(0, -2));
    return end + 1;
  }

  #begin(size: number): void {
    this.#missing = size;
    this.#state = size === 0 ? 'trailers' : 'data';
  }

  #read(line: string): void {
    if (this.#state === 'size') {
      const size = SIZE.exec(line)?.[1];
      if (size === undefined) throw bad();
      this.#begin(Number.parseInt(size, 16));
    } else if (this.#state === 'data-end') {
      if (line !== '') throw bad();
      this.#state = 'size';
    } else if (line === '') {
      this.#state = 'over';
    } else {
      this.#trailers += line.length;
      if (!TRAILER.test(line) || this.#trailers > MAX_TRAILERS) throw bad();
    }
  }
}

/** The value of a hexadecimal digit; -1 for everything else. */
function hexDigit(byte: number | undefined): number {
  if (byte === undefined) return -1;
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x61 + 10 : -1;
}

function bad(): UpstreamFailure {
  return new UpstreamFailure('bad_answer', 'The upstream\'s answer is cut into chunks that are none.');
}
