import { nodeHash } from './hashing.ts';

/** Entries from `start` up to, not including, `end`. */
export interface EntryRange {
  readonly start: number;
  readonly end: number;
}

/** The parts of an inclusion proof for the entry at `index` in a tree of `size`, its sibling first (RFC 6962, 2.1.1: PATH). */
export function inclusionRanges(index: number, size: number): readonly EntryRange[] {
  if (!Number.isSafeInteger(index) || index < 0 || index >= size) throw new RangeError(`a tree of ${size} entries has none at ${index}`);
  const path: EntryRange[] = [];
  let [start, end] = [0, size];
  while (end - start > 1) {
    const middle = start + split(end - start);
    if (index < middle) {
      path.push({ start: middle, end });
      end = middle;
    } else {
      path.push({ start, end: middle });
      start = middle;
    }
  }
  return path.toReversed();
}

/** The parts of a consistency proof between a tree of `first` entries and one of `second` (RFC 6962, 2.1.2: SUBPROOF); none from an empty tree. */
export function consistencyRanges(first: number, second: number): readonly EntryRange[] {
  if (!Number.isSafeInteger(first) || first < 0 || first > second) throw new RangeError(`a tree of ${second} entries does not come after one of ${first}`);
  if (first === 0 || first === second) return [];
  const path: EntryRange[] = [];
  let [start, end] = [0, second];
  while (first !== end) {
    const middle = start + split(end - start);
    if (first <= middle) {
      path.push({ start: middle, end });
      end = middle;
    } else {
      path.push({ start, end: middle });
      start = middle;
    }
  }
  // What is left is a subtree of both trees; where it is the whole first one, its hash is known to who asks.
  if (start > 0) path.push({ start, end });
  return path.toReversed();
}

/** The complete subtrees that a range is made of, in its order; of a proof's ranges every one decomposes like this. */
export function subtreesOf({ start, end }: EntryRange): readonly EntryRange[] {
  const subtrees: EntryRange[] = [];
  for (let from = start; from < end; ) {
    let width = 1;
    while (from % (width * 2) === 0 && from + width * 2 <= end) width *= 2;
    subtrees.push({ start: from, end: from + width });
    from += width;
  }
  return subtrees;
}

/** The hash over a proof's range from the hashes of its complete subtrees. */
export function rangeHash(range: EntryRange, hashOf: (subtree: EntryRange) => Buffer): Buffer {
  const [last, ...others] = subtreesOf(range).map(hashOf).toReversed();
  if (last === undefined) throw new RangeError('an empty range has no hash');
  return others.reduce((right, left) => nodeHash(left, right), last);
}

/** The complete subtree's height: 0 for a single entry. */
export function levelOf({ start, end }: EntryRange): number {
  return Math.round(Math.log2(end - start));
}

/** The largest power of two below `count`, which is at least 2. */
function split(count: number): number {
  let power = 1;
  while (power * 2 < count) power *= 2;
  return power;
}
