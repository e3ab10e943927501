import { Readable } from 'node:stream';

/** A body up to here goes out in one piece with its head. */
const IN_ONE_PIECE = 64 * 1024;

/** A request's body on its way upstream: kept while the call may have to be repeated, dropped as soon as an answer begins. */
export class RequestBody {
  #bytes: Buffer | null;
  readonly #released: () => void;

  /** `released` is called once, when the memory may be counted as free again. */
  constructor(bytes: Buffer | null, released: () => void) {
    this.#bytes = bytes;
    this.#released = released;
  }

  get length(): number {
    return this.#bytes?.length ?? 0;
  }

  /** For undici; a large body as a stream, since undici holds on to a buffer until the answer has ended. */
  forDispatch(): Buffer | Readable | null {
    if (this.#bytes === null || this.#bytes.length <= IN_ONE_PIECE) return this.#bytes;
    return new Pieces(this.#bytes);
  }

  release(): void {
    if (this.#bytes === null) return;
    this.#bytes = null;
    this.#released();
  }
}

/** Hands a buffer out in pieces and lets go of it with the last. */
class Pieces extends Readable {
  #bytes: Buffer | null;
  #at = 0;

  constructor(bytes: Buffer) {
    super({ highWaterMark: IN_ONE_PIECE });
    this.#bytes = bytes;
  }

  override _read(): void {
    if (this.#bytes === null) return;
    const end = Math.min(this.#at + IN_ONE_PIECE, this.#bytes.length);
    this.push(this.#bytes.subarray(this.#at, end));
    this.#at = end;
    if (end < this.#bytes.length) return;
    this.#bytes = null;
    this.push(null);
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#bytes = null;
    callback(error);
  }
}
