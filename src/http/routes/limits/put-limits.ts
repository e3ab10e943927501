import { tenantInPath } from '../../names.ts';
import { guardedRoute } from '../../route.ts';
import { limitsBody, limitsInput, limitsSchema } from '../../schemas/limits.ts';
import { tenantParams } from '../../schemas/tenant.ts';
import type { Layer } from './layer.ts';

/** R0.2: replaces the layer as a whole; what is left out is not limited. The other layer holds beside it. */
export const putLimits = ({ name, url, whose }: Layer) =>
  guardedRoute({
    method: 'PUT',
    url,
    summary: `Replace ${whose}`,
    tag: 'Limits',
    statuses: [200],
    schema: { params: tenantParams, body: limitsInput, answer: limitsSchema },
    conditional: true,
    action: name === 'own' ? 'limits.put' : 'platform-limits.put',
    resource: tenantInPath,
    async handle(grant, { body, ifMatch }, { limits }) {
      const view = await limits.put(grant, name, body, ifMatch);
      return { status: 200, body: limitsBody(view), etag: view.etag };
    },
  });
