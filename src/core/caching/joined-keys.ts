const MAX = 10_000;

/**
 * Texts made of two others, for the keys of caches: made once, since a text that is made anew for each look-up is hashed and looked up among all texts that V8
 * knows, which costs more than the look-up itself (docs/performance.md).
 */
export class JoinedKeys {
  readonly #join: (first: string, second: string) => string;
  readonly #known = new Map<string, Map<string, string>>();
  #count = 0;

  constructor(join: (first: string, second: string) => string) {
    this.#join = join;
  }

  of(first: string, second: string): string {
    let seconds = this.#known.get(first);
    const known = seconds?.get(second);
    if (known !== undefined) return known;
    if (this.#count >= MAX) {
      this.#known.clear();
      this.#count = 0;
      seconds = undefined;
    }
    if (seconds === undefined) this.#known.set(first, (seconds = new Map()));
    const joined = this.#join(first, second);
    seconds.set(second, joined);
    this.#count += 1;
    return joined;
  }
}
