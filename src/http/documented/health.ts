import { Type } from 'typebox';
import { openRoute } from '../route.ts';

/** R4.17. Without a token, so it tells no more than this. */
export const health = openRoute({
  method: 'GET',
  url: '/api/v1/health',
  summary: 'Tell whether a HashiCorp Vault is used',
  tag: 'Documented endpoints',
  statuses: [200],
  schema: { answer: Type.Object({ status: Type.Enum(['ok']), secrets: Type.Object({ vault_enabled: Type.Boolean(), vault_connected: Type.Boolean() }) }) },
  async handle({ vault }) {
    return { status: 200, body: { status: 'ok' as const, secrets: { vault_enabled: vault !== null, vault_connected: vault?.connected() ?? false } } };
  },
});
