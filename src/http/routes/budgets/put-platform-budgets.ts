import { tenantInPath } from '../../names.ts';
import { guardedRoute } from '../../route.ts';
import { budgetsInput, platformBudgetsBody, platformBudgetsSchema } from '../../schemas/budget.ts';
import { tenantParams } from '../../schemas/tenant.ts';

/** R5.4: replaces the platform's layer as a whole. */
export const putPlatformBudgets = guardedRoute({
  method: 'PUT',
  url: '/api/v1/platform/tenants/:tenant/budgets',
  summary: 'Replace the platform\'s budgets for a tenant',
  tag: 'Budgets',
  statuses: [200],
  schema: { params: tenantParams, body: budgetsInput, answer: platformBudgetsSchema },
  conditional: true,
  action: 'platform-budget.put',
  resource: tenantInPath,
  async handle(grant, { body, ifMatch }, { budgets }) {
    const view = await budgets.putPlatform(grant, body.budgets, ifMatch);
    return { status: 200, body: platformBudgetsBody(view), etag: view.etag };
  },
});
