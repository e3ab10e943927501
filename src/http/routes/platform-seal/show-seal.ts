import { platform } from '../../names.ts';
import { guardedRoute } from '../../route.ts';
import { sealBody, sealSchema } from '../../schemas/seal.ts';

/** Whether all use of keys is stopped, since when, by whom and why. */
export const showSeal = guardedRoute({
  method: 'GET',
  url: '/api/v1/platform/seal',
  summary: 'Show whether all use of keys is stopped, and why',
  tag: 'Emergency stop',
  statuses: [200],
  schema: { answer: sealSchema },
  action: 'platform.read-seal',
  resource: platform,
  async handle(grant, _input, { seal }) {
    const view = await seal.show(grant);
    return { status: 200, body: sealBody(view), etag: view.etag };
  },
});
