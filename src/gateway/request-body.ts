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

  /** null: there is none, or it was let go. */
  get bytes(): Buffer | null {
    return this.#bytes;
  }

  release(): void {
    if (this.#bytes === null) return;
    this.#bytes = null;
    this.#released();
  }
}
