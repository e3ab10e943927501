/** Whoever takes longer waits with others that do: a name that has a server is found in a fraction of it. */
const SLOW_MS = 1_000;
/** Of whom it is remembered. */
const MOST_REMEMBERED = 10_000;

interface Waiting {
  readonly owner: string;
  readonly begin: () => void;
}

/**
 * Work of many owners, of which none may keep the others waiting: one piece of each at a time, and so many at once in all. Who has waited longest comes first. All
 * whose last piece took long share one of the places, so that they keep only one another waiting, however many they are.
 */
export class Turns {
  readonly #most: number;
  readonly #now: () => number;
  readonly #busy = new Set<string>();
  readonly #slow = new Set<string>();
  readonly #waiting: Waiting[] = [];

  /** `now`: in milliseconds, never going back. */
  constructor(most: number, now: () => number = () => performance.now()) {
    this.#most = most;
    this.#now = now;
  }

  /** Rejects with what the work rejects with. */
  async run<T>(owner: string, work: () => Promise<T>): Promise<T> {
    if (this.#mayBegin(owner)) this.#busy.add(owner);
    else await new Promise<void>((begin) => this.#waiting.push({ owner, begin }));
    const began = this.#now();
    try {
      return await work();
    } finally {
      this.#busy.delete(owner);
      this.#note(owner, this.#now() - began);
      this.#next();
    }
  }

  #mayBegin(owner: string): boolean {
    return this.#busy.size < this.#most && !this.#busy.has(owner) && !(this.#slow.has(owner) && [...this.#busy].some((busy) => this.#slow.has(busy)));
  }

  #note(owner: string, tookMs: number): void {
    this.#slow.delete(owner);
    if (tookMs < SLOW_MS) return;
    for (const first of this.#slow) {
      if (this.#slow.size < MOST_REMEMBERED) break;
      this.#slow.delete(first);
    }
    this.#slow.add(owner);
  }

  #next(): void {
    const at = this.#waiting.findIndex(({ owner }) => this.#mayBegin(owner));
    const [next] = at === -1 ? [] : this.#waiting.splice(at, 1);
    if (next === undefined) return;
    this.#busy.add(next.owner);
    next.begin();
  }
}
