import { platform } from '../../names.ts';
import { guardedRoute } from '../../route.ts';
import { rootKeyBody, rootKeySchema } from '../../schemas/keys.ts';

/** What wraps the root key. */
export const showKeys = guardedRoute({
  method: 'GET',
  url: '/api/v1/platform/keys',
  summary: 'Show what wraps the root key',
  tag: 'Keys',
  statuses: [200],
  schema: { answer: rootKeySchema },
  action: 'root-key.read',
  resource: platform,
  async handle(grant, _input, { rootKeys }) {
    return { status: 200, body: rootKeyBody(await rootKeys.status(grant)) };
  },
});
