import { KeyholdError } from '../../ports/errors.ts';
import type { AuditLeaf, AuditRepository, AuditRow } from '../../ports/metadata/audit.ts';
import { StartError } from '../../ports/start-error.ts';
import { AuditTrees, logLeaf, tenantLeaf } from './audit-trees.ts';
import { storedRange } from './stored-nodes.ts';
import { CompactRange } from './tree/compact-range.ts';

/** Rows read at a time. */
const PAGE = 1000;
/** Tenants whose trees are remembered; the others' are read again when they get a row. */
const MAX_TENANTS = 2_000;

/** Rows with their nodes, ready to be placed at the log's end as it was then. */
export interface PreparedRows {
  readonly position: number;
  readonly leaves: readonly AuditLeaf[];
}

/**
 * This replica's own view of the log's tree. It goes on from what this replica has seen, and hashes every row that comes after that by
 * itself, whoever placed it: what the database says of a tree is believed only where it leads to a root that is known.
 */
export class LogTree {
  readonly #repository: AuditRepository;
  #log: CompactRange;
  readonly #tenants = new Map<string, CompactRange>();

  /** Goes on from `log`, the beginning of the log as far as it is known. */
  constructor(repository: AuditRepository, log = new CompactRange()) {
    this.#repository = repository;
    this.#log = log;
  }

  /** How many rows are in it. */
  get size(): number {
    return this.#log.size;
  }

  root(): Buffer {
    return this.#log.root();
  }

  /**
   * Takes in what was placed since. Throws `corrupt` when the log has become shorter than it was, `unavailable` when the database cannot
   * answer.
   */
  async catchUp(): Promise<void> {
    const end = await this.#repository.size();
    if (end < this.size) throw shorter(this.size, end);
    while (this.size < end) {
      const from = this.size;
      const rows = await this.#repository.read(null, from, Math.min(PAGE, end - from));
      if (rows.length === 0) throw shorter(end, from);
      // Somebody else may have taken in some of them meanwhile.
      for (const row of rows.slice(this.size - from)) this.#take(row);
    }
  }

  /** The rows as the log's next ones. */
  async prepare(rows: readonly AuditRow[]): Promise<PreparedRows> {
    const tenants = [...new Set(rows.flatMap(({ tenant }) => (tenant === null ? [] : [tenant])))];
    for (;;) {
      const position = this.size;
      const ranges = new Map<string, CompactRange>();
      for (const tenant of tenants) ranges.set(tenant, await this.#tenantRange(tenant, position));
      // Rows were taken in meanwhile: then these ranges are of before.
      if (this.size !== position) continue;
      const trees = new AuditTrees(this.#log.copy(), new Map([...ranges].map(([tenant, range]) => [tenant, range.copy()])));
      for (const [tenant, range] of ranges) this.#remember(tenant, range);
      return { position, leaves: rows.map((row) => trees.place(row)) };
    }
  }

  /** The rows stand in the log. They may have been taken in already. */
  placed({ position, leaves }: PreparedRows): void {
    if (this.size === position) for (const { row } of leaves) this.#take(row);
  }

  /** A tenant's tree within the log's first `position` rows, none of which may be unknown here. */
  async #tenantRange(tenant: string, position: number): Promise<CompactRange> {
    const known = this.#tenants.get(tenant);
    if (known !== undefined) return known;
    return storedRange(this.#repository, tenant, await this.#repository.tenantSize(tenant, position));
  }

  #take(row: AuditRow): void {
    this.#log.push(logLeaf(row));
    if (row.tenant !== null) this.#tenants.get(row.tenant)?.push(tenantLeaf(row));
  }

  #remember(tenant: string, range: CompactRange): void {
    this.#tenants.delete(tenant);
    this.#tenants.set(tenant, range);
    const [oldest] = this.#tenants.keys();
    if (this.#tenants.size > MAX_TENANTS && oldest !== undefined) this.#tenants.delete(oldest);
  }
}

/**
 * The log's tree from a head on that is known to be this log's; only what came after it is hashed, without one everything. Throws
 * `StartError` (1) when the log in the database is not the one that the head was made of.
 */
export async function openLogTree(repository: AuditRepository, head: { readonly size: number; readonly root: Buffer } | undefined): Promise<LogTree> {
  const tree = head === undefined ? new LogTree(repository) : new LogTree(repository, await knownBeginning(repository, head));
  await tree.catchUp();
  return tree;
}

async function knownBeginning(repository: AuditRepository, { size, root }: { readonly size: number; readonly root: Buffer }): Promise<CompactRange> {
  const found = await repository.size();
  if (found < size) {
    throw new StartError(
      1,
      `The audit log in the database is older than this Keyhold's last head of it: it has ${found} rows, and had ${size}. ` +
        'An older copy of the database was put in its place. Put the newest one back. If it was restored on purpose, say so with `keyhold audit accept-restored`; the log then begins under a new name, with a row that tells of it.',
    );
  }
  const range = await storedRange(repository, null, size);
  if (range.root().equals(root)) return range;
  throw new StartError(
    1,
    `The audit log in the database is not the one that this Keyhold has seen: its first ${size} rows were changed. ` +
      'Keep the database as it is and find out who changed it; `keyhold audit export` and `keyhold audit verify` show from where on it differs. `keyhold audit accept-restored` starts anew from it, with a row that tells of it.',
  );
}

function shorter(size: number, found: number): KeyholdError {
  return new KeyholdError('corrupt', 'The audit log in the database has become shorter. An older database was put in its place, or rows were removed. Stop Keyhold and put the newest database back.', {
    cause: new Error(`the log has ${found} rows, and had ${size}`),
  });
}
