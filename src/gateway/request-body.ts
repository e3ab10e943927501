/** A request's body on its way upstream: kept while the call may have to be repeated, dropped as soon as an answer begins. */
export class RequestBody {
  #bytes: Buffer | null;
  #text: string | undefined;
  readonly #released: () => void;

  /** `released` is called once, when the memory may be counted as free again. `text`: the bytes again, one character each, where somebody has read them so. */
  constructor(bytes: Buffer | null, released: () => void, text?: string) {
    this.#bytes = bytes;
    this.#text = text;
    this.#released = released;
  }

  get length(): number {
    return this.#bytes?.length ?? 0;
  }

  /** null: there is none, or it was let go. */
  get bytes(): Buffer | null {
    return this.#bytes;
  }

  /** As long as there are bytes, and where somebody had it. */
  get text(): string | undefined {
    return this.#text;
  }

  release(): void {
    if (this.#bytes === null) return;
    this.#bytes = null;
    this.#text = undefined;
    this.#released();
  }
}
