import { platform } from '../../names.ts';
import { guardedRoute } from '../../route.ts';
import { sealBody, sealSchema } from '../../schemas/seal.ts';

/** The end of the emergency stop. */
export const unsealPlatform = guardedRoute({
  method: 'POST',
  url: '/api/v1/platform/unseal',
  summary: 'Let keys be used again after an emergency stop',
  tag: 'Emergency stop',
  statuses: [200],
  schema: { answer: sealSchema },
  conditional: true,
  action: 'platform.unseal',
  resource: platform,
  async handle(grant, { ifMatch }, { seal }) {
    const view = await seal.unseal(grant, { ifMatch });
    return { status: 200, body: sealBody(view), etag: view.etag };
  },
});
