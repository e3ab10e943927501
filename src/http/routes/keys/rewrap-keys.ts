import { platform } from '../../names.ts';
import { guardedRoute } from '../../route.ts';
import { rootKeyBody, rootKeySchema } from '../../schemas/keys.ts';

/**
 * Wraps the root key by what the server's own `KEYHOLD_NEW_` settings name now. Neither a secret nor a path comes with the request: who may
 * call this must not be able to choose files of the server.
 */
export const rewrapKeys = guardedRoute({
  method: 'POST',
  url: '/api/v1/platform/keys/rewrap',
  summary: 'Wrap the root key by what the KEYHOLD_NEW_ settings name, or by the newest version of its wrapping key',
  tag: 'Keys',
  statuses: [200],
  schema: { answer: rootKeySchema },
  action: 'root-key.rewrap',
  resource: platform,
  async handle(grant, _input, { rootKeys }) {
    return { status: 200, body: rootKeyBody(await rootKeys.rewrap(grant)) };
  },
});
