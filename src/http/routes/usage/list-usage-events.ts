import { Type } from 'typebox';
import { tenantInPath } from '../../names.ts';
import { guardedRoute } from '../../route.ts';
import { closed } from '../../schemas/fields.ts';
import { pageBody, pageOf, pageQuery, pageRequest } from '../../schemas/page.ts';
import { tenantParams } from '../../schemas/tenant.ts';
import { period, periodQuery, usageEvent } from '../../schemas/usage.ts';

/** R0.2, R5.3: single requests, newest first. */
export const listUsageEvents = guardedRoute({
  method: 'GET',
  url: '/api/v1/tenants/:tenant/usage/events',
  summary: 'List what was used, request by request',
  tag: 'Usage',
  statuses: [200],
  schema: { params: tenantParams, query: Type.Object({ ...periodQuery, ...pageQuery }, closed), answer: pageOf(usageEvent) },
  action: 'usage.read',
  resource: tenantInPath,
  async handle(grant, { query }, { usage }) {
    const page = await usage.events(grant, { ...period(query), ...pageRequest(query) });
    return { status: 200, body: pageBody(page, (event) => ({ ...event, tags: { ...event.tags } })) };
  },
});
