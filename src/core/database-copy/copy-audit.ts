import { isDeepStrictEqual } from 'node:util';
import type { AuditLeaf, AuditRepository, AuditRow } from '../../ports/metadata/audit.ts';
import { AuditTrees } from '../audit/audit-trees.ts';

const PAGE = 500;

/** Places the rows of one log in another in their order; those that are there already, from a copy that was interrupted, stay. Nodes follow from the rows. */
export async function copyAudit(from: AuditRepository, to: AuditRepository, copied: (rows: number) => void): Promise<void> {
  const there = await to.size();
  for await (const { position, leaves } of leavesOf(from)) {
    const missing = leaves.slice(Math.max(0, there - position));
    if (missing.length > 0) await to.append(position + leaves.length - missing.length, missing);
    copied(position + leaves.length);
  }
}

/** How many rows two logs have alike from the beginning on, each with the nodes that follow from them, and how many each has. */
export async function compareAudit(from: AuditRepository, to: AuditRepository): Promise<{ readonly alike: number; readonly from: number; readonly to: number }> {
  const sizes = { from: await from.size(), to: await to.size() };
  for await (const { position, leaves } of leavesOf(from)) {
    const rows = await readAll(to, position, leaves.length);
    const differs = leaves.findIndex(({ row }, index) => !isDeepStrictEqual(row, rows[index]));
    if (differs !== -1) return { alike: position + differs, ...sizes };
    if (!(await nodesAreThere(to, position, leaves))) return { alike: position, ...sizes };
  }
  return { alike: sizes.from, ...sizes };
}

/** All rows, with what the trees keep of each. */
async function* leavesOf(audit: AuditRepository): AsyncGenerator<{ readonly position: number; readonly leaves: readonly AuditLeaf[] }> {
  const trees = new AuditTrees();
  const size = await audit.size();
  for (let position = 0; position < size; ) {
    const rows = await readAll(audit, position, Math.min(PAGE, size - position));
    yield { position, leaves: rows.map((row) => trees.place(row)) };
    position += rows.length;
  }
}

async function readAll(audit: AuditRepository, position: number, count: number): Promise<readonly AuditRow[]> {
  const rows: AuditRow[] = [];
  while (rows.length < count) {
    const more = await audit.read(null, position + rows.length, count - rows.length);
    if (more.length === 0) break;
    rows.push(...more);
  }
  return rows;
}

async function nodesAreThere(audit: AuditRepository, position: number, leaves: readonly AuditLeaf[]): Promise<boolean> {
  const trees = new Map<string | null, Map<number, readonly string[]>>([[null, new Map()]]);
  for (const [offset, { row, nodes, ofTenant }] of leaves.entries()) {
    trees.get(null)?.set(position + offset, nodes);
    if (ofTenant !== null) trees.set(row.tenant, (trees.get(row.tenant) ?? new Map<number, readonly string[]>()).set(ofTenant.index, ofTenant.nodes));
  }
  for (const [tree, expected] of trees) {
    const found = await audit.nodes(tree, [...expected.keys()]);
    if (![...expected].every(([index, nodes]) => isDeepStrictEqual(found.get(index), nodes))) return false;
  }
  return true;
}
