import { UpstreamFailure } from './upstream-failure.ts';

/** Of a size with its extensions, and of a trailer's line (RFC 9112, section 7.1). */
const MAX_LINE = 4 * 1024;
const MAX_TRAILERS = 16 * 1024;
const SIZE = /^([0-9A-Fa-f]{1,12})[\t ]*(?:;[\t\x20-\x7e\x80-\xff]*)?$/;
const TRAILER = /^[!#$%&'*+\-.^_`|~\w]+:[\t\x20-\x7e\x80-\xff]*$/;
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

  /** The last chunk and what belongs to it have come. */
  get over(): boolean {
    return this.#state === 'over';
  }

  /**
   * Takes bytes in; hands the pieces of the body in them on. Gives how many bytes were used: all, except where the body ended before the last.
   * Throws UpstreamFailure `bad_answer` for what is no chunked body.
   */
  feed(bytes: Buffer, piece: (bytes: Buffer) => void): number {
    let at = 0;
    while (at < bytes.length && this.#state !== 'over') {
      if (this.#state === 'data') {
        const end = Math.min(bytes.length, at + this.#missing);
        piece(bytes.subarray(at, end));
        this.#missing -= end - at;
        at = end;
        if (this.#missing === 0) this.#state = 'data-end';
        continue;
      }
      const end = bytes.indexOf(LF, at);
      this.#line += bytes.toString('latin1', at, end === -1 ? bytes.length : end + 1);
      if (this.#line.length > MAX_LINE) throw bad();
      if (end === -1) return bytes.length;
      at = end + 1;
      const line = this.#line;
      this.#line = '';
      if (line.length < 2 || line.charCodeAt(line.length - 2) !== CR) throw bad();
      this.#read(line.slice(0, -2));
    }
    return at;
  }

  #read(line: string): void {
    if (this.#state === 'size') {
      const size = SIZE.exec(line)?.[1];
      if (size === undefined) throw bad();
      this.#missing = Number.parseInt(size, 16);
      this.#state = this.#missing === 0 ? 'trailers' : 'data';
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

function bad(): UpstreamFailure {
  return new UpstreamFailure('bad_answer', 'The upstream\'s answer is cut into chunks that are none.');
}
