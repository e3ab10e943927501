import { Type } from 'typebox';
import { KeyholdError } from '../../../ports/errors.ts';
import { tenantInPath } from '../../names.ts';
import { guardedRoute } from '../../route.ts';
import { auditQuery, auditRow } from '../../schemas/audit.ts';
import { closed } from '../../schemas/fields.ts';
import { pageOf } from '../../schemas/page.ts';
import { tenantParams } from '../../schemas/tenant.ts';
import { auditPage } from './audit-page.ts';

/** R0.2: one tenant's rows. Whose they are comes from the grant alone. */
export const listTenantAudit = guardedRoute({
  method: 'GET',
  url: '/api/v1/tenants/:tenant/audit',
  summary: 'List what was done in a tenant',
  tag: 'Audit',
  statuses: [200],
  schema: { params: tenantParams, query: Type.Object(auditQuery, closed), answer: pageOf(auditRow) },
  action: 'audit.read',
  resource: tenantInPath,
  async handle(grant, { query }, { audit }) {
    const { scope } = grant.use('audit.read');
    if (scope.kind !== 'tenant') throw new KeyholdError('internal', 'A tenant\'s audit log was asked for without a tenant.');
    return { status: 200, body: await auditPage(audit, scope.tenant, query) };
  },
});
