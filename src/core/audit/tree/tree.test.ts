import { createHash } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CompactRange } from './compact-range.ts';
import { emptyRoot, leafHash, nodeHash } from './hashing.ts';
import { consistencyRanges, type EntryRange, inclusionRanges, levelOf, rangeHash, subtreesOf } from './proof-ranges.ts';
import { provesConsistency, provesInclusion } from './verify-proof.ts';

/** The entries and roots that implementations of Certificate Transparency test with, for 0 to 8 entries. */
const entries = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f'].map((hex) => Buffer.from(hex, 'hex'));
const roots = [
  'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
];

/** RFC 6962, 2.1, word for word: what everything else is compared with. */
function treeHash(from: readonly Buffer[]): Buffer {
  if (from.length === 0) return emptyRoot();
  const [first] = from;
  if (from.length === 1 && first !== undefined) return leafHash(first);
  const middle = 2 ** Math.ceil(Math.log2(from.length) - 1);
  return nodeHash(treeHash(from.slice(0, middle)), treeHash(from.slice(middle)));
}

function partsOf(all: readonly Buffer[], ranges: readonly EntryRange[]): readonly Buffer[] {
  return ranges.map(({ start, end }) => treeHash(all.slice(start, end)));
}

function digestOf(hashes: readonly Buffer[]): string {
  return createHash('sha256').update(Buffer.concat(hashes)).digest('hex');
}

function hexes(all: readonly Buffer[]): readonly string[] {
  return all.map((hash) => hash.toString('hex'));
}

function numbered(count: number): readonly Buffer[] {
  return Array.from({ length: count }, (_, index) => Buffer.from(`entry ${index}`));
}

describe('a Merkle tree (RFC 6962)', () => {
  it('has the known roots, entry by entry', () => {
    const range = new CompactRange();
    expect(range.root().toString('hex')).toBe(roots[0]);
    entries.forEach((entry, index) => {
      range.push(leafHash(entry));
      expect(range.root().toString('hex')).toBe(roots[index + 1]);
      expect(range.root()).toEqual(treeHash(entries.slice(0, index + 1)));
    });
  });

  it('has the known proofs', () => {
    expect(hexes(partsOf(entries, inclusionRanges(5, 8)))).toEqual([
      'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b',
      'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0',
      'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
    ]);
    expect(hexes(partsOf(entries, consistencyRanges(6, 8)))).toEqual([
      '0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a',
      'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0',
      'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
    ]);
    // Every proof of trees of up to 8 entries, as a program made them that follows the RFC's recursive definitions to the letter.
    const inclusion = [];
    const consistency = [];
    for (let size = 1; size <= 8; size += 1) {
      for (let index = 0; index < size; index += 1) inclusion.push(...partsOf(entries, inclusionRanges(index, size)));
      for (let first = 1; first <= size; first += 1) consistency.push(...partsOf(entries, consistencyRanges(first, size)));
    }
    expect(digestOf(inclusion)).toBe('9db592d71b0fcd6fc27acf630e1d2b45b00c0ccf50dc5d043a98a4229ed04028');
    expect(digestOf(consistency)).toBe('5e31f6c5aa9b4dc9531788e5dd4d5f966a0545bef9b4c6d80877e7fade00d249');
  });

  it('goes on from its complete subtrees, and says which ones an entry completes', () => {
    const all = numbered(300);
    let range = new CompactRange();
    const subtrees = new Map<string, Buffer>();
    all.forEach((entry, index) => {
      range = new CompactRange(range.size, range.roots);
      range.push(leafHash(entry)).forEach((hash, level) => subtrees.set(`${level}:${index + 1 - 2 ** level}`, hash));
      expect(range.root()).toEqual(treeHash(all.slice(0, index + 1)));
    });
    const hashOf = (subtree: EntryRange): Buffer => {
      const hash = subtrees.get(`${levelOf(subtree)}:${subtree.start}`);
      if (hash === undefined) throw new Error('not a complete subtree');
      return hash;
    };
    for (let end = 1; end <= 300; end += 7) expect(rangeHash({ start: 0, end }, hashOf)).toEqual(treeHash(all.slice(0, end)));
    expect(() => new CompactRange(3, [emptyRoot()])).toThrow(RangeError);
  });

  it('takes ranges apart into complete subtrees, also of sizes beyond 32 bits', () => {
    const size = 2 ** 40 + 3;
    const parts = [...inclusionRanges(2 ** 35 + 1, size), ...consistencyRanges(2 ** 33 + 5, size)].flatMap(subtreesOf);
    for (const part of parts) {
      const width = part.end - part.start;
      expect(width).toBe(2 ** levelOf(part));
      expect(part.start % width).toBe(0);
    }
    expect(parts.length).toBeLessThan(150);
  });
});

describe('proofs', () => {
  const sizes = fc.tuple(fc.integer({ min: 1, max: 70 }), fc.integer({ min: 0, max: 1000 }));

  it('show that an entry stands where it stands, and nothing else', () => {
    fc.assert(
      fc.property(sizes, fc.nat(), ([size, seed], flip) => {
        const all = numbered(size);
        const index = seed % size;
        const claim = { leaf: leafHash(all[index] ?? ''), index, size, root: treeHash(all), proof: partsOf(all, inclusionRanges(index, size)) };
        expect(provesInclusion(claim)).toBe(true);
        for (let other = 0; other < size; other += 1) if (other !== index) expect(provesInclusion({ ...claim, index: other })).toBe(false);
        expect(provesInclusion({ ...claim, leaf: leafHash('another') })).toBe(false);
        expect(provesInclusion({ ...claim, root: flipped(claim.root, flip) })).toBe(false);
        expect(provesInclusion({ ...claim, proof: [...claim.proof, claim.root] })).toBe(false);
        expect(provesInclusion({ ...claim, index: size })).toBe(false);
        expect(provesInclusion({ ...claim, index: -1 })).toBe(false);
        if (claim.proof.length > 0) {
          expect(provesInclusion({ ...claim, proof: claim.proof.slice(1) })).toBe(false);
          expect(provesInclusion({ ...claim, proof: claim.proof.map((part, at) => (at === flip % claim.proof.length ? flipped(part, flip) : part)) })).toBe(false);
        }
      }),
    );
  });

  it('show that a tree goes on from an earlier one, and nothing else', () => {
    fc.assert(
      fc.property(sizes, fc.nat(), ([second, seed], flip) => {
        const all = numbered(second);
        const first = seed % (second + 1);
        const claim = { first, firstRoot: treeHash(all.slice(0, first)), second, secondRoot: treeHash(all), proof: partsOf(all, consistencyRanges(first, second)) };
        expect(provesConsistency(claim)).toBe(true);
        if (first === 0) return;
        expect(provesConsistency({ ...claim, firstRoot: flipped(claim.firstRoot, flip) })).toBe(false);
        expect(provesConsistency({ ...claim, secondRoot: flipped(claim.secondRoot, flip) })).toBe(false);
        expect(provesConsistency({ ...claim, proof: [...claim.proof, claim.firstRoot] })).toBe(false);
        expect(provesConsistency({ ...claim, second: first - 1 })).toBe(false);
        if (claim.proof.length > 0) {
          expect(provesConsistency({ ...claim, proof: claim.proof.slice(0, -1) })).toBe(false);
          expect(provesConsistency({ ...claim, proof: claim.proof.map((part, at) => (at === flip % claim.proof.length ? flipped(part, flip) : part)) })).toBe(false);
          const rewritten = all.map((entry, index) => (index === seed % first ? Buffer.from('rewritten') : entry));
          expect(provesConsistency({ ...claim, secondRoot: treeHash(rewritten), proof: partsOf(rewritten, consistencyRanges(first, second)) })).toBe(false);
        }
      }),
    );
  });
});

function flipped(hash: Buffer, bit: number): Buffer {
  const changed = Buffer.from(hash);
  const at = bit % (hash.length * 8);
  changed[at >> 3] = (changed[at >> 3] ?? 0) ^ (1 << (at & 7));
  return changed;
}
