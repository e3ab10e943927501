import { tenantInPath } from '../../names.ts';
import { guardedRoute } from '../../route.ts';
import { budgetsInput, tenantBudgetsBody, tenantBudgetsSchema } from '../../schemas/budget.ts';
import { tenantParams } from '../../schemas/tenant.ts';

/** R5.4: replaces the tenant's own budgets as a whole. */
export const putBudgets = guardedRoute({
  method: 'PUT',
  url: '/api/v1/tenants/:tenant/budgets',
  summary: 'Replace a tenant\'s own budgets',
  tag: 'Budgets',
  statuses: [200],
  schema: { params: tenantParams, body: budgetsInput, answer: tenantBudgetsSchema },
  conditional: true,
  action: 'budget.put',
  resource: tenantInPath,
  async handle(grant, { body, ifMatch }, { budgets }) {
    const view = await budgets.put(grant, body.budgets, ifMatch);
    return { status: 200, body: tenantBudgetsBody(view), etag: view.etag };
  },
});
