import { tenantInPath } from '../../names.ts';
import { guardedRoute } from '../../route.ts';
import { platformBudgetsBody, platformBudgetsSchema } from '../../schemas/budget.ts';
import { tenantParams } from '../../schemas/tenant.ts';

/** R5.4: the platform's layer. The tenant's own is not shown here. */
export const getPlatformBudgets = guardedRoute({
  method: 'GET',
  url: '/api/v1/platform/tenants/:tenant/budgets',
  summary: 'Show the platform\'s budgets for a tenant and where they stand',
  tag: 'Budgets',
  statuses: [200],
  schema: { params: tenantParams, answer: platformBudgetsSchema },
  action: 'platform-budget.read',
  resource: tenantInPath,
  async handle(grant, _input, { budgets }) {
    const view = await budgets.getPlatform(grant);
    return { status: 200, body: platformBudgetsBody(view), etag: view.etag };
  },
});
