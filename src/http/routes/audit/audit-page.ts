import type { AuditLog } from '../../../core/audit/audit-log.ts';
import { auditRowView } from '../../../core/audit/audit-row-view.ts';
import { type AuditRowBody, auditRowBody } from '../../schemas/audit.ts';
import { pageBody, pageRequest } from '../../schemas/page.ts';
import { period } from '../../schemas/usage.ts';

interface AuditQuery {
  readonly action?: string;
  readonly actor?: string;
  readonly from?: string;
  readonly to?: string;
  readonly limit?: string;
  readonly cursor?: string;
}

/** A page of rows; of one tenant, or of all when it is undefined. */
export async function auditPage(audit: AuditLog, tenant: string | undefined, query: AuditQuery): Promise<{ items: AuditRowBody[]; nextCursor: string | null }> {
  const { action, actor } = query;
  const page = await audit.list({ tenant, action, actor, ...period(query) }, pageRequest(query));
  return pageBody(page, (row) => auditRowBody(auditRowView(row)));
}
