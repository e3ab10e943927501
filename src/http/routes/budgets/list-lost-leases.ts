import { Type } from 'typebox';
import { platform } from '../../names.ts';
import { guardedRoute } from '../../route.ts';
import { lostLeaseBody, lostLeaseSchema } from '../../schemas/budget.ts';
import { closed } from '../../schemas/fields.ts';
import { pageBody, pageOf, pageQuery, pageRequest } from '../../schemas/page.ts';

/** R5.4: what counts as spent because nobody knows better. */
export const listLostLeases = guardedRoute({
  method: 'GET',
  url: '/api/v1/platform/budget-leases',
  summary: 'List what replicas have leased of budgets that were not heard of for an hour',
  tag: 'Budgets',
  statuses: [200],
  schema: { query: Type.Object(pageQuery, closed), answer: pageOf(lostLeaseSchema) },
  action: 'budget-lease.read',
  resource: platform,
  async handle(grant, { query }, { lostLeases }) {
    return { status: 200, body: pageBody(await lostLeases.list(grant, pageRequest(query)), lostLeaseBody) };
  },
});
