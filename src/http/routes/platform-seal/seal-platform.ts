import { Type } from 'typebox';
import { platform } from '../../names.ts';
import { guardedRoute } from '../../route.ts';
import { closed } from '../../schemas/fields.ts';
import { sealBody, sealSchema } from '../../schemas/seal.ts';

const body = Type.Object({ reason: Type.String({ description: 'for people: why, in 1 to 500 characters of one line.', minLength: 1, maxLength: 500 }) }, closed);

/** S29, the emergency stop: no key is used, read or written any more. Goes on when the audit log cannot be written. */
export const sealPlatform = guardedRoute({
  method: 'POST',
  url: '/api/v1/platform/seal',
  summary: 'Stop all use of keys, in every tenant, until the installation is unsealed',
  tag: 'Emergency stop',
  statuses: [200],
  schema: { body, answer: sealSchema },
  conditional: true,
  action: 'platform.seal',
  resource: platform,
  async handle(grant, { body: { reason }, ifMatch }, { seal }) {
    const view = await seal.seal(grant, { reason, ifMatch });
    return { status: 200, body: sealBody(view), etag: view.etag };
  },
});
