import { tenantInPath } from '../../names.ts';
import { guardedRoute } from '../../route.ts';
import { tenantBudgetsBody, tenantBudgetsSchema } from '../../schemas/budget.ts';
import { tenantParams } from '../../schemas/tenant.ts';

/** R5.4: both layers, with what is spent, reserved and left of each. */
export const getBudgets = guardedRoute({
  method: 'GET',
  url: '/api/v1/tenants/:tenant/budgets',
  summary: 'Show a tenant\'s budgets and where they stand',
  tag: 'Budgets',
  statuses: [200],
  schema: { params: tenantParams, answer: tenantBudgetsSchema },
  action: 'budget.read',
  resource: tenantInPath,
  async handle(grant, _input, { budgets }) {
    const view = await budgets.get(grant);
    return { status: 200, body: tenantBudgetsBody(view), etag: view.etag };
  },
});
