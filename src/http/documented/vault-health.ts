import { Type } from 'typebox';
import { stateOf } from '../../core/stores/store-status.ts';
import { platform } from '../names.ts';
import { guardedRoute } from '../route.ts';

/** R4.16. `unavailable`: the store that takes new keys cannot be reached; `degraded`: only another one cannot. */
export const vaultHealth = guardedRoute({
  method: 'GET',
  url: '/api/brain/vault/health',
  summary: 'Show how the secret stores are',
  tag: 'Documented endpoints',
  statuses: [200],
  schema: {
    answer: Type.Object({
      status: Type.Enum(['healthy', 'degraded', 'unavailable']),
      stores: Type.Array(Type.Object({ id: Type.String(), kind: Type.String(), connected: Type.Boolean(), latency_ms: Type.Number() })),
    }),
  },
  action: 'store.read',
  resource: platform,
  async handle(grant, _input, { storeStatus }) {
    const stores = await storeStatus.list(grant);
    return {
      status: 200,
      body: { status: stateOf(stores), stores: stores.map(({ id, kind, connected, latencyMs }) => ({ id, kind, connected, latency_ms: latencyMs })) },
    };
  },
});
