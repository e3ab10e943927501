import { HASH_BYTES, nodeHash } from './hashing.ts';

export interface InclusionClaim {
  readonly leaf: Buffer;
  readonly index: number;
  readonly size: number;
  readonly root: Buffer;
  readonly proof: readonly Buffer[];
}

/** Whether the proof shows that the leaf stands at the index of the tree with that root (RFC 9162, 2.1.3.2). */
export function provesInclusion({ leaf, index, size, root, proof }: InclusionClaim): boolean {
  if (!isSize(index) || !isSize(size) || index >= size || !areHashes([leaf, root, ...proof])) return false;
  let [position, last] = [index, size - 1];
  let hash = leaf;
  for (const sibling of proof) {
    if (last === 0) return false;
    if (position % 2 === 1 || position === last) {
      hash = nodeHash(sibling, hash);
      while (position % 2 === 0 && position !== 0) [position, last] = [half(position), half(last)];
    } else {
      hash = nodeHash(hash, sibling);
    }
    [position, last] = [half(position), half(last)];
  }
  return last === 0 && hash.equals(root);
}

export interface ConsistencyClaim {
  readonly first: number;
  readonly firstRoot: Buffer;
  readonly second: number;
  readonly secondRoot: Buffer;
  readonly proof: readonly Buffer[];
}

/**
 * Whether the proof shows that the second tree begins with all entries of the first, in their order (RFC 9162, 2.1.4.2). Every tree comes
 * after the empty one: its root is not looked at.
 */
export function provesConsistency({ first, firstRoot, second, secondRoot, proof }: ConsistencyClaim): boolean {
  if (!isSize(first) || !isSize(second) || first > second || !areHashes([firstRoot, secondRoot, ...proof])) return false;
  if (first === second) return proof.length === 0 && firstRoot.equals(secondRoot);
  if (first === 0) return proof.length === 0;
  let [position, last] = [first - 1, second - 1];
  while (position % 2 === 1) [position, last] = [half(position), half(last)];
  // A first tree that is complete is itself the first part.
  const parts = position === 0 ? [firstRoot, ...proof] : proof;
  const [seed, ...path] = parts;
  if (seed === undefined) return false;
  let [firstHash, secondHash] = [seed, seed];
  for (const part of path) {
    if (last === 0) return false;
    if (position % 2 === 1 || position === last) {
      firstHash = nodeHash(part, firstHash);
      secondHash = nodeHash(part, secondHash);
      while (position % 2 === 0 && position !== 0) [position, last] = [half(position), half(last)];
    } else {
      secondHash = nodeHash(secondHash, part);
    }
    [position, last] = [half(position), half(last)];
  }
  return last === 0 && firstHash.equals(firstRoot) && secondHash.equals(secondRoot);
}

/** Not `>> 1`, which ends at 32 bits. */
function half(number: number): number {
  return Math.floor(number / 2);
}

function isSize(size: number): boolean {
  return Number.isSafeInteger(size) && size >= 0;
}

function areHashes(hashes: readonly Buffer[]): boolean {
  return hashes.every(({ length }) => length === HASH_BYTES);
}
