import { tenantInPath, withId } from '../../names.ts';
import { guardedRoute } from '../../route.ts';
import { budgetsBody, keyBudgetsSchema } from '../../schemas/budget.ts';
import { gatewayKeyParams } from '../../schemas/gateway-key.ts';

/** R5.4: the key's own budgets, with what is spent, reserved and left of each. */
export const showGatewayKeyBudget = guardedRoute({
  method: 'GET',
  url: '/api/v1/tenants/:tenant/gateway-keys/:id/budget',
  summary: 'Show where a gateway key\'s budgets stand',
  tag: 'Budgets',
  statuses: [200],
  schema: { params: gatewayKeyParams, answer: keyBudgetsSchema },
  action: 'gateway-key.read',
  resource: (request) => withId(request, tenantInPath(request)),
  async handle(grant, _input, { budgets }) {
    const { timeZone, budgets: views } = await budgets.ofGatewayKey(grant);
    return { status: 200, body: { timeZone, budgets: budgetsBody(views) } };
  },
});
