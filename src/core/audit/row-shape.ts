import type { AuditRow } from '../../ports/metadata/audit.ts';

/** Whether a value has what a tenant's form of a row is made from. Its canonical form says whether that is all. */
export function isTenantRow(value: unknown): value is AuditRow {
  if (typeof value !== 'object' || value === null) return false;
  const row: Readonly<Record<string, unknown>> = { ...value };
  const { actor } = row;
  return (
    ['id', 'phase', 'intentId', 'action', 'resource', 'nonce'].every((name) => typeof row[name] === 'string') &&
    ['tenant', 'outcome', 'code', 'requestId'].every((name) => typeof row[name] === 'string' || row[name] === null) &&
    isTime(row['time']) &&
    typeof actor === 'object' &&
    actor !== null &&
    Object.values(actor).every((part) => typeof part === 'string')
  );
}

/** Milliseconds that a date can be made of (ECMA-262, 21.4.1.1). */
function isTime(value: unknown): boolean {
  return Number.isSafeInteger(value) && Math.abs(Number(value)) <= 8.64e15;
}

/** The same for a whole row. */
export function isAuditRow(value: unknown): value is AuditRow {
  if (!isTenantRow(value)) return false;
  return typeof value.replica === 'string' && typeof value.counter === 'number' && typeof value.previous === 'string' && (value.note === undefined || typeof value.note === 'string');
}
