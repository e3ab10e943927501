import { emptyRoot, nodeHash } from './hashing.ts';

/**
 * A Merkle tree that only grows, known by the roots of its complete subtrees alone, the largest first: one for each 1 in the binary form of
 * its size. Adding an entry costs a hash on average, the root one for each of them.
 */
export class CompactRange {
  #size: number;
  #roots: Buffer[];

  constructor(size = 0, roots: readonly Buffer[] = []) {
    if (roots.length !== onesIn(size)) throw new RangeError(`a tree of ${size} entries has ${onesIn(size)} complete subtrees, not ${roots.length}`);
    this.#size = size;
    this.#roots = [...roots];
  }

  get size(): number {
    return this.#size;
  }

  /** The roots of the complete subtrees, the largest first. */
  get roots(): readonly Buffer[] {
    return this.#roots;
  }

  /** Adds an entry's leaf hash. Returns the roots of the subtrees that are complete with it, the smallest (the leaf) first. */
  push(leaf: Buffer): readonly Buffer[] {
    const completed = [leaf];
    let hash = leaf;
    // As many subtrees are completed as the size has ones at its end.
    for (let rest = this.#size; rest % 2 === 1; rest = (rest - 1) / 2) {
      const left = this.#roots.pop();
      if (left === undefined) throw new RangeError('a subtree is missing');
      hash = nodeHash(left, hash);
      completed.push(hash);
    }
    this.#roots.push(hash);
    this.#size += 1;
    return completed;
  }

  /** The tree's root (RFC 6962, 2.1). */
  root(): Buffer {
    return this.#roots.toReversed().reduce<Buffer | undefined>((right, left) => (right === undefined ? left : nodeHash(left, right)), undefined) ?? emptyRoot();
  }

  copy(): CompactRange {
    return new CompactRange(this.#size, this.#roots);
  }
}

function onesIn(size: number): number {
  let ones = 0;
  for (let rest = size; rest > 0; rest = Math.floor(rest / 2)) ones += rest % 2;
  return ones;
}
