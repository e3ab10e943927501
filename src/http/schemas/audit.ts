import { type Static, Type } from 'typebox';
import type { AuditRowView } from '../../core/audit/audit-row-view.ts';
import { instant, nullableText } from './fields.ts';
import { pageQuery } from './page.ts';
import { periodQuery } from './usage.ts';

export const auditRow = Type.Object({
  id: Type.String(),
  time: instant,
  phase: Type.Enum(['intent', 'outcome']),
  intentId: Type.String(),
  action: Type.String(),
  actor: Type.Object({ kind: Type.Enum(['token', 'gateway-key', 'system', 'anonymous']), id: Type.String(), role: Type.String() }),
  tenant: nullableText,
  resource: Type.String(),
  outcome: Type.Unsafe<AuditRowView['outcome']>({ type: ['string', 'null'], enum: ['ok', 'denied', 'failed', null], description: 'null on an intent.' }),
  code: nullableText,
  requestId: nullableText,
});

export type AuditRowBody = Static<typeof auditRow>;

export const auditQuery = {
  ...pageQuery,
  ...periodQuery,
  action: Type.Optional(Type.String({ description: 'an action, for example credential.put.', pattern: '^[a-z-]+\\.[a-z-]+$', maxLength: 64 })),
  actor: Type.Optional(Type.String({ description: 'the id of a token or gateway key.', pattern: '^[A-Za-z0-9._-]+$', maxLength: 64 })),
};

export function auditRowBody(view: AuditRowView): AuditRowBody {
  return { ...view, actor: { ...view.actor } };
}
