interface Waiting {
  readonly owner: string;
  readonly begin: () => void;
}

/**
 * Work of many owners, of which none may keep the others waiting: one piece of each at a time, and so many at once in all. Who has waited longest comes first.
 */
export class Turns {
  readonly #most: number;
  readonly #busy = new Set<string>();
  readonly #waiting: Waiting[] = [];

  constructor(most: number) {
    this.#most = most;
  }

  /** Rejects with what the work rejects with. */
  async run<T>(owner: string, work: () => Promise<T>): Promise<T> {
    if (this.#mayBegin(owner)) this.#busy.add(owner);
    else await new Promise<void>((begin) => this.#waiting.push({ owner, begin }));
    try {
      return await work();
    } finally {
      this.#busy.delete(owner);
      this.#next();
    }
  }

  #mayBegin(owner: string): boolean {
    return this.#busy.size < this.#most && !this.#busy.has(owner);
  }

  #next(): void {
    const at = this.#waiting.findIndex(({ owner }) => this.#mayBegin(owner));
    const [next] = at === -1 ? [] : this.#waiting.splice(at, 1);
    if (next === undefined) return;
    this.#busy.add(next.owner);
    next.begin();
  }
}
