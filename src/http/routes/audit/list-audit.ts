import { Type } from 'typebox';
import { platform } from '../../names.ts';
import { guardedRoute } from '../../route.ts';
import { auditQuery, auditRow } from '../../schemas/audit.ts';
import { closed, tenantId } from '../../schemas/fields.ts';
import { pageOf } from '../../schemas/page.ts';
import { auditPage } from './audit-page.ts';

/** R0.2: everything that was done to keys, tenants and tokens, newest first. */
export const listAudit = guardedRoute({
  method: 'GET',
  url: '/api/v1/audit',
  summary: 'List what was done, in all tenants and to the platform',
  tag: 'Audit',
  statuses: [200],
  schema: { query: Type.Object({ ...auditQuery, tenant: Type.Optional(tenantId) }, closed), answer: pageOf(auditRow) },
  action: 'audit.read',
  resource: platform,
  async handle(grant, { query }, { audit }) {
    grant.use('audit.read');
    return { status: 200, body: await auditPage(audit, query.tenant, query) };
  },
});
