import { tenantInPath } from '../../names.ts';
import { guardedRoute } from '../../route.ts';
import { limitsBody, limitsSchema } from '../../schemas/limits.ts';
import { tenantParams } from '../../schemas/tenant.ts';
import type { Layer } from './layer.ts';

/** R0.2: no limits where none were put. */
export const getLimits = ({ name, url, whose }: Layer) =>
  guardedRoute({
    method: 'GET',
    url,
    summary: `Show ${whose}`,
    tag: 'Limits',
    statuses: [200],
    schema: { params: tenantParams, answer: limitsSchema },
    action: name === 'own' ? 'limits.read' : 'platform-limits.read',
    resource: tenantInPath,
    async handle(grant, _input, { limits }) {
      const view = await limits.get(grant, name);
      return { status: 200, body: limitsBody(view), etag: view.etag };
    },
  });
