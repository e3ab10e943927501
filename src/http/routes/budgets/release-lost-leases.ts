import { Type } from 'typebox';
import { platform, withId } from '../../names.ts';
import { guardedRoute } from '../../route.ts';

/** R5.4: for whoever knows that a replica is gone for good, with its disk. */
export const releaseLostLeases = guardedRoute({
  method: 'POST',
  url: '/api/v1/platform/budget-leases/:id/release',
  summary: 'Give back what a replica that is gone had leased of budgets',
  tag: 'Budgets',
  statuses: [200],
  schema: { params: Type.Object({ id: Type.String({ description: 'the journal of the lease.' }) }), answer: Type.Object({ journal: Type.String(), budgets: Type.Integer({ description: 'of how many something was given back.' }) }) },
  action: 'budget-lease.release',
  resource: (request) => withId(request, platform()),
  async handle(grant, { params }, { lostLeases }) {
    return { status: 200, body: { journal: params.id, budgets: await lostLeases.release(grant) } };
  },
});
