import type { AuditLeaf, AuditRow } from '../../ports/metadata/audit.ts';
import { canonicalRow, tenantRow } from './canonical-row.ts';
import { CompactRange } from './tree/compact-range.ts';
import { leafHash } from './tree/hashing.ts';

/**
 * The log's tree and each tenant's own, built from the log's rows in their order. A tenant's tree is over its rows alone, so that its order
 * follows from the log's and needs no decision of its own.
 */
export class AuditTrees {
  readonly log: CompactRange;
  readonly #tenants: Map<string, CompactRange>;

  constructor(log = new CompactRange(), tenants: ReadonlyMap<string, CompactRange> = new Map()) {
    this.log = log;
    this.#tenants = new Map(tenants);
  }

  /** A tenant's tree; an empty one for a tenant without rows. */
  tenant(tenant: string): CompactRange {
    return this.#tenants.get(tenant) ?? new CompactRange();
  }

  /** Puts the next row into its trees. */
  place(row: AuditRow): AuditLeaf {
    return { row, nodes: texts(this.log.push(logLeaf(row))), ofTenant: row.tenant === null ? null : this.#placeInTenant(row, row.tenant) };
  }

  #placeInTenant(row: AuditRow, tenant: string): AuditLeaf['ofTenant'] {
    const range = this.tenant(tenant);
    this.#tenants.set(tenant, range);
    const index = range.size;
    return { index, nodes: texts(range.push(tenantLeaf(row))) };
  }
}

/** The row's leaf hash in the log's tree. */
export function logLeaf(row: AuditRow): Buffer {
  return leafHash(canonicalRow(row));
}

/** The row's leaf hash in its tenant's tree. */
export function tenantLeaf(row: AuditRow): Buffer {
  return leafHash(tenantRow(row));
}

function texts(hashes: readonly Buffer[]): readonly string[] {
  return hashes.map((hash) => hash.toString('base64'));
}
