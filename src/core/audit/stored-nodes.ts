import { KeyholdError } from '../../ports/errors.ts';
import type { AuditRepository, AuditTreeName } from '../../ports/metadata/audit.ts';
import { decodeBase64 } from '../crypto/base64.ts';
import { CompactRange } from './tree/compact-range.ts';
import { HASH_BYTES } from './tree/hashing.ts';
import { type EntryRange, levelOf, rangeHash, subtreesOf } from './tree/proof-ranges.ts';

/** The tree's first `size` entries, read from the nodes that were placed with them: one row for each complete subtree. */
export async function storedRange(repository: Pick<AuditRepository, 'nodes'>, tree: AuditTreeName, size: number): Promise<CompactRange> {
  const subtrees = subtreesOf({ start: 0, end: size });
  const hashOf = await storedHashes(repository, tree, subtrees);
  return new CompactRange(size, subtrees.map(hashOf));
}

/** The hashes over a proof's ranges, read like that. */
export async function storedProof(repository: Pick<AuditRepository, 'nodes'>, tree: AuditTreeName, ranges: readonly EntryRange[]): Promise<readonly Buffer[]> {
  const hashOf = await storedHashes(repository, tree, ranges.flatMap(subtreesOf));
  return ranges.map((range) => rangeHash(range, hashOf));
}

/** Throws `corrupt` for a node that is not there, since each was placed together with its row. */
async function storedHashes(repository: Pick<AuditRepository, 'nodes'>, tree: AuditTreeName, subtrees: readonly EntryRange[]): Promise<(subtree: EntryRange) => Buffer> {
  const nodes = subtrees.length === 0 ? new Map<number, readonly string[]>() : await repository.nodes(tree, subtrees.map(({ end }) => end - 1));
  return (subtree) => {
    const hash = decodeBase64(nodes.get(subtree.end - 1)?.[levelOf(subtree)] ?? '');
    if (hash?.length !== HASH_BYTES) throw new KeyholdError('corrupt', 'A part of the audit log\'s tree is missing in the database. Restore the database from a backup.');
    return hash;
  };
}
