import { Type } from 'typebox';
import { tenantInPath } from '../../names.ts';
import { guardedRoute } from '../../route.ts';
import { closed, instant, nullableText } from '../../schemas/fields.ts';
import { tenantParams } from '../../schemas/tenant.ts';
import { period, periodQuery, usageSums } from '../../schemas/usage.ts';

const group = Type.Object({
  model: Type.Optional(nullableText),
  service: Type.Optional(nullableText),
  route: Type.Optional(nullableText),
  outcome: Type.Optional(nullableText),
  keySource: Type.Optional(nullableText),
  credentialId: Type.Optional(nullableText),
  gatewayKeyId: Type.Optional(nullableText),
  tokenId: Type.Optional(nullableText),
  ...usageSums,
});

const query = Type.Object(
  { ...periodQuery, groupBy: Type.Optional(Type.String({ description: 'any of model, service, route, outcome, keySource, credentialId, gatewayKeyId, tokenId, separated by commas.', pattern: '^[A-Za-z]+(,[A-Za-z]+)*$', maxLength: 200 })) },
  closed,
);

/** R0.2: sums over a period; the last 30 days when none is given. */
export const sumUsage = guardedRoute({
  method: 'GET',
  url: '/api/v1/tenants/:tenant/usage',
  summary: 'Sum up what was used',
  tag: 'Usage',
  statuses: [200],
  schema: {
    params: tenantParams,
    query,
    answer: Type.Object({ from: instant, to: instant, totals: Type.Object(usageSums), groups: Type.Array(group) }),
  },
  action: 'usage.read',
  resource: tenantInPath,
  async handle(grant, { query: { groupBy, ...range } }, { usage }) {
    const { from, to, totals, groups } = await usage.summary(grant, { ...period(range), groupBy: groupBy?.split(',') });
    return { status: 200, body: { from, to, totals, groups: [...groups] } };
  },
});
