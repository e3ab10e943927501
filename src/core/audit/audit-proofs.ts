import { KeyholdError } from '../../ports/errors.ts';
import type { AuditRepository, AuditTreeName } from '../../ports/metadata/audit.ts';
import type { AuditHeads, SignedHead } from './audit-heads.ts';
import { logLeaf, tenantLeaf } from './audit-trees.ts';
import { canonicalRow, tenantRow } from './canonical-row.ts';
import { keyChangeNotes } from './key-changes.ts';
import { openKeyChange } from './notes/key-change.ts';
import type { VerifierKey } from './notes/verifier-key.ts';
import { storedProof, storedRange } from './stored-nodes.ts';
import { consistencyRanges, inclusionRanges } from './tree/proof-ranges.ts';
import { provesConsistency, provesInclusion } from './tree/verify-proof.ts';

/** That a row stands in a tree, and where. */
export interface InclusionProof {
  readonly index: number;
  /** The row's bytes in that tree, as text. */
  readonly entry: string;
  readonly hashes: readonly Buffer[];
  readonly head: SignedHead;
}

/** That a tree of `to` entries begins with one of `from`. */
export interface ConsistencyProof {
  readonly from: number;
  readonly to: number;
  readonly hashes: readonly Buffer[];
  readonly head: SignedHead;
}

/** What is told of a tree to those who verify it; for null the log's, else that tenant's own (S30). */
export class AuditProofs {
  readonly #repository: AuditRepository;
  readonly #heads: AuditHeads;

  constructor(repository: AuditRepository, heads: AuditHeads) {
    this.#repository = repository;
    this.#heads = heads;
  }

  async head(tree: AuditTreeName): Promise<SignedHead> {
    return tree === null ? this.#heads.current() : this.#heads.ofTenant(tree);
  }

  /** The public key under the tree's name. */
  keyOf(head: SignedHead): VerifierKey {
    return this.#heads.key.named(head.origin);
  }

  /** How the key became what it is: notes signed by the key before and the key after. A change from a lost key is none of them. */
  async keyChanges(): Promise<readonly string[]> {
    const notes = await keyChangeNotes(this.#repository);
    return notes.filter((note) => openKeyChange(note) !== undefined);
  }

  /** Throws `not_found` for a row that is not in this tree. */
  async inclusion(tree: AuditTreeName, id: string): Promise<InclusionProof> {
    const found = await this.#repository.find(id);
    const index = tree === null ? found?.position : found?.row.tenant === tree ? found.tenantIndex : undefined;
    if (found === undefined || index === undefined || index === null) throw new KeyholdError('not_found', 'There is no audit row with this id. Take the id from a row of GET …/audit.');
    // Asked for last, so that the row is within it.
    const head = await this.head(tree);
    const hashes = await storedProof(this.#repository, tree, inclusionRanges(index, head.size));
    const leaf = tree === null ? logLeaf(found.row) : tenantLeaf(found.row);
    if (!provesInclusion({ leaf, index, size: head.size, root: head.root, proof: hashes })) throw damaged();
    return { index, entry: entryText(tree, found.row), hashes, head };
  }

  /** From an earlier size to a later one, the present one without `to`. Throws `invalid_argument` for sizes that the tree has not had. */
  async consistency(tree: AuditTreeName, from: number, to: number | undefined): Promise<ConsistencyProof> {
    const head = await this.head(tree);
    const second = to ?? head.size;
    if (from > second || second > head.size) {
      throw new KeyholdError('invalid_argument', `Consistency is shown from an earlier size to a later one, ${head.size} at most, which is the tree's size now. The sizes stand in the second lines of checkpoints.`, { details: { size: head.size } });
    }
    const hashes = await storedProof(this.#repository, tree, consistencyRanges(from, second));
    const [firstRoot, secondRoot] = [(await storedRange(this.#repository, tree, from)).root(), second === head.size ? head.root : (await storedRange(this.#repository, tree, second)).root()];
    if (!provesConsistency({ first: from, firstRoot, second, secondRoot, proof: hashes })) throw damaged();
    return { from, to: second, hashes, head };
  }

  /** The entries of a tree from `from` on, at most `limit` (1 to 1000), as their bytes are hashed. */
  async entries(tree: AuditTreeName, from: number, limit: number): Promise<readonly string[]> {
    const rows = await this.#repository.read(tree, from, limit);
    return rows.map((row) => entryText(tree, row));
  }
}

function entryText(tree: AuditTreeName, row: Parameters<typeof canonicalRow>[0]): string {
  return tree === null ? canonicalRow(row) : tenantRow(row);
}

function damaged(): KeyholdError {
  return new KeyholdError('corrupt', 'The audit log in the database does not fit its own head: it was changed or is damaged. An operator has to look at it: `keyhold audit export` and `keyhold audit verify` say more.');
}
