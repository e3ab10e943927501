import { Type } from 'typebox';
import { platform } from '../../names.ts';
import { guardedRoute } from '../../route.ts';
import { pageOf } from '../../schemas/page.ts';

const store = Type.Object({
  id: Type.String(),
  kind: Type.Enum(['azure-key-vault', 'vault', 'sealed']),
  takesNew: Type.Boolean({ description: 'Whether new keys are kept here.' }),
  waiting: Type.Integer({ description: 'Keys that were stored in the encrypted database because this store could not be reached, and move here when it can.' }),
  connected: Type.Boolean(),
  latencyMs: Type.Number({ description: 'Of the round trip that this answer took.' }),
});

/** R0.2: the health of the secret stores that are switched on. */
export const listStores = guardedRoute({
  method: 'GET',
  url: '/api/v1/stores',
  summary: 'Show how the secret stores are',
  tag: 'Stores',
  statuses: [200],
  schema: { answer: pageOf(store) },
  action: 'store.read',
  resource: platform,
  async handle(grant, _input, { storeStatus }) {
    return { status: 200, body: { items: [...(await storeStatus.list(grant))], nextCursor: null } };
  },
});
