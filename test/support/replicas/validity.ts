interface Time {
  readonly from: number;
  to: number;
}

/** When something could be used, on the test's own clock: from before the change that allows it was sent until one that ends it was acknowledged. */
export class Validity {
  readonly #times: Time[] = [];

  open(): void {
    if (this.#times.at(-1)?.to !== Infinity) this.#times.push({ from: performance.now(), to: Infinity });
  }

  close(): void {
    const last = this.#times.at(-1);
    if (last?.to === Infinity) last.to = performance.now();
  }

  /** It never came to be after all: what wanted to allow it was refused. */
  withdraw(): void {
    this.#times.pop();
  }

  /** When it ended that could be used last before or while something was under way: `Infinity` if it did not, undefined if it could not be used until then. */
  endBefore({ to }: { readonly to: number }): number | undefined {
    return this.#times.findLast(({ from }) => from <= to)?.to;
  }
}
