import type { AuditFilter, AuditLeaf, AuditRow } from '../../ports/metadata/audit.ts';
import { requireStorable } from './stored-text.ts';

/** Refuses rows that could not be found by what they hold: `invalid_argument`, as the filters that would look for them. */
export function requireFindable(leaves: readonly AuditLeaf[]): void {
  for (const { row } of leaves) requireStorable([row.id, row.tenant, row.action, row.actor.id]);
}

/** Where a row stands in its list: among its tenant's rows, or among all. */
export function placeInList({ position, ofTenant }: AuditLeaf & { readonly position: number }, inTenant: boolean): number {
  return inTenant ? (ofTenant?.index ?? position) : position;
}

/** Whether the row is one that a list with this filter holds. */
export function matches(filter: AuditFilter, row: AuditRow): boolean {
  if (filter.tenant !== undefined && row.tenant !== filter.tenant) return false;
  if (filter.action !== undefined && row.action !== filter.action) return false;
  if (filter.actor !== undefined && row.actor.id !== filter.actor) return false;
  if (filter.from !== undefined && row.time < filter.from) return false;
  return filter.to === undefined || row.time < filter.to;
}
