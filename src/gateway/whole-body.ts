/** An upstream's answer that is looked at when all of it is there, up to a bound. */
export class WholeBody {
  readonly #max: number;
  readonly #chunks: Buffer[] = [];
  #size = 0;

  constructor(max: number) {
    this.#max = max;
  }

  /** Keeps a copy; false when it has become too much. */
  add(chunk: Buffer): boolean {
    this.#size += chunk.length;
    if (this.#size > this.#max) return false;
    this.#chunks.push(Buffer.from(chunk));
    return true;
  }

  /** What it says as JSON; undefined where it is none, or not all of one. */
  json(): unknown {
    try {
      return JSON.parse(Buffer.concat(this.#chunks, this.#size).toString('utf8'));
    } catch {
      return undefined;
    }
  }
}
