import type { ErrorCode } from '../../ports/errors.ts';
import type { AuditActor, AuditRow } from '../../ports/metadata/audit.ts';

/** A row as the API shows it (R0.2). What only the chain needs stays inside. */
export interface AuditRowView {
  readonly id: string;
  /** RFC 3339, UTC, with milliseconds. */
  readonly time: string;
  readonly phase: AuditRow['phase'];
  readonly intentId: string;
  readonly action: string;
  readonly actor: AuditActor;
  readonly tenant: string | null;
  readonly resource: string;
  readonly outcome: AuditRow['outcome'];
  readonly code: ErrorCode | null;
  readonly requestId: string | null;
}

export function auditRowView(row: AuditRow): AuditRowView {
  return {
    id: row.id,
    time: new Date(row.time).toISOString(),
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
