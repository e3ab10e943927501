import { createHash } from 'node:crypto';
import type { AuditRow } from '../../ports/metadata/audit.ts';

/** What a replica's first row names as its previous one. */
export const noPreviousRow = '0'.repeat(64);

/**
 * The bytes that stand for a row wherever it is hashed: a JSON object without white space, as `JSON.stringify` writes it
 * (ECMA-262, 25.5.2), its keys in exactly this order, encoded as UTF-8. `v` is the version of the form: a row is hashed for ever
 * in the form it was placed in, so a change of fields is a new version and never an edit of this one. Version 2 is version 1 with the
 * note of a row that has one. The leaf of an RFC 6962 tree is these bytes.
 */
export function canonicalRow(row: AuditRow): string {
  const chained = { replica: row.replica, counter: row.counter, previous: row.previous, nonce: row.nonce };
  return JSON.stringify(row.note === undefined ? { v: 1, ...told(row), ...chained } : { v: 2, ...told(row), ...chained, note: row.note });
}

/**
 * The same for the tree of the row's tenant. It leaves out what counts other tenants' rows, too (the replica's counter and chain), and
 * keeps the 16 random bytes, without which a hash in a proof could be guessed at.
 */
export function tenantRow(row: AuditRow): string {
  return JSON.stringify({ v: 1, ...told(row), nonce: row.nonce });
}

function told(row: AuditRow): object {
  return {
    id: row.id,
    time: row.time,
    phase: row.phase,
    intentId: row.intentId,
    action: row.action,
    actor: { kind: row.actor.kind, id: row.actor.id, role: row.actor.role },
    tenant: row.tenant,
    resource: row.resource,
    outcome: row.outcome,
    code: row.code,
    requestId: row.requestId,
  };
}

/** SHA-256 of the canonical form, hex: what the replica's next row names as `previous` (S30). */
export function rowHash(row: AuditRow): string {
  return createHash('sha256').update(canonicalRow(row), 'utf8').digest('hex');
}
