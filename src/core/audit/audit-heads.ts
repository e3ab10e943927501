import type { HeadStore } from '../../ports/audit-custody.ts';
import type { Log } from '../../ports/log.ts';
import type { AuditRepository } from '../../ports/metadata/audit.ts';
import { StartError } from '../../ports/start-error.ts';
import type { AuditKeys } from './kept-keys.ts';
import { type LogTree, openLogTree } from './log-tree.ts';
import { openCheckpoint, signCheckpoint, tenantOrigin, type TreeHead } from './notes/checkpoint.ts';
import type { VerifierKey } from './notes/verifier-key.ts';
import { storedRange } from './stored-nodes.ts';

/** A head with the note that says it. */
export interface SignedHead extends TreeHead {
  readonly note: string;
}

export interface AuditHeadsDependencies {
  readonly repository: AuditRepository;
  readonly tree: LogTree;
  readonly keys: AuditKeys;
  readonly heads: HeadStore;
}

interface KeptTreeDependencies {
  readonly repository: AuditRepository;
  /** The public keys under which a head of this log may be signed. */
  readonly known: readonly VerifierKey[];
  readonly heads: HeadStore;
  readonly log: Log;
}

/**
 * The log's tree as this replica last left it, with everything that came after (S30). Throws `StartError`: 6 for a kept head that the log's
 * key has not signed, 1 for a database whose log does not go on from it.
 */
export async function openKeptTree({ repository, known, heads, log }: KeptTreeDependencies): Promise<LogTree> {
  const note = await heads.last();
  if (note === undefined) {
    if ((await repository.size()) > 0) log.warn('audit_head_missing', 'There is no earlier head of the audit log here: every row is hashed once, and whether the database is an older one cannot be told', { file: heads.place });
    return openLogTree(repository, undefined);
  }
  const head = openCheckpoint(note, known);
  if (head === undefined || known.every(({ name }) => name !== head.origin)) {
    throw new StartError(6, `${heads.place} is not a head that this audit log's key has signed: it was changed, or belongs to another Keyhold. Put the right one back; without the file, Keyhold starts and cannot tell whether the database is an older one.`);
  }
  return openLogTree(repository, head);
}

/** Signs heads. Each is kept outside the database before anybody sees it, so that no head is ever signed that another one contradicts. */
export class AuditHeads {
  readonly #repository: AuditRepository;
  readonly #tree: LogTree;
  readonly #keys: AuditKeys;
  readonly #heads: HeadStore;
  #last: SignedHead | undefined;
  #signing: Promise<unknown> = Promise.resolve();

  constructor({ repository, tree, keys, heads }: AuditHeadsDependencies) {
    this.#repository = repository;
    this.#tree = tree;
    this.#keys = keys;
    this.#heads = heads;
  }

  /** The public key that signs now, under the log's name. */
  get key(): VerifierKey {
    return this.#keys.current.verifier;
  }

  /** The head over everything that is in the log now. Throws `corrupt` when the log has become shorter, `unavailable`. */
  async current(): Promise<SignedHead> {
    await this.#tree.catchUp();
    const signing = this.#signing.then(() => this.#sign());
    this.#signing = signing.catch(() => undefined);
    return signing;
  }

  /** The same for the rows of one tenant; its size says nothing of other tenants. */
  async ofTenant(tenant: string): Promise<SignedHead> {
    const { origin, size: position } = await this.current();
    const size = await this.#repository.tenantSize(tenant, position);
    const range = await storedRange(this.#repository, tenant, size);
    const head = { origin: tenantOrigin(origin, tenant), size, root: range.root() };
    return { ...head, note: signCheckpoint(head, this.#keys.current) };
  }

  async #sign(): Promise<SignedHead> {
    const { size } = this.#tree;
    if (this.#last?.size === size) return this.#last;
    const head = { origin: this.key.name, size, root: this.#tree.root() };
    const note = signCheckpoint(head, this.#keys.current);
    await this.#heads.keep(note);
    this.#last = { ...head, note };
    return this.#last;
  }
}
