type Branch<T> = Map<string, Branch<T>> | { readonly leaf: T };

/**
 * Something for each set of label values, found value by value: a text made of all of them would have to be hashed and looked up among all texts that V8 knows, each
 * time, which takes longer than what is done with what is found (docs/performance.md).
 */
export class LabelTree<T> {
  readonly #names: readonly string[];
  readonly #make: () => T;
  readonly #root = new Map<string, Branch<T>>();
  readonly #all: { readonly labels: Readonly<Record<string, string>>; readonly value: T }[] = [];

  constructor(names: readonly string[], make: () => T) {
    this.#names = names;
    this.#make = make;
  }

  /** `values`: one for each name, in their order. */
  at(values: readonly string[]): T {
    let branch: Branch<T> | undefined = this.#root;
    for (const value of values) branch = branch instanceof Map ? branch.get(value) : undefined;
    return branch === undefined || branch instanceof Map ? this.#grow(values) : branch.leaf;
  }

  /** All there are. */
  entries(): readonly { readonly labels: Readonly<Record<string, string>>; readonly value: T }[] {
    return this.#all;
  }

  #grow(values: readonly string[]): T {
    const leaf = this.#make();
    let branch = this.#root;
    for (const value of values.slice(0, -1)) {
      const next = branch.get(value);
      const below: Map<string, Branch<T>> = next instanceof Map ? next : new Map<string, Branch<T>>();
      branch.set(value, below);
      branch = below;
    }
    branch.set(values.at(-1) ?? '', { leaf });
    this.#all.push({ labels: Object.fromEntries(this.#names.map((name, index) => [name, values[index] ?? ''])), value: leaf });
    return leaf;
  }
}
