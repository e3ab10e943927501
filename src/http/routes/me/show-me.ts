import { Type } from 'typebox';
import { type Holding, holdingsOf } from '../../../core/access/actor.ts';
import { permissionsOf } from '../../../core/access/permissions.ts';
import { guardedRoute } from '../../route.ts';
import { actingSessionBody, nullableSession } from '../../schemas/session.ts';
import { nullableText } from '../../schemas/fields.ts';

const permissions = Type.Array(Type.String(), { description: 'Actions, as the audit log names them.' });

/** R0.2: who asks, which roles they have, and what those permit. */
export const showMe = guardedRoute({
  method: 'GET',
  url: '/api/v1/me',
  summary: 'Show who I am and what I may do',
  tag: 'Sign-in',
  statuses: [200],
  schema: {
    answer: Type.Object({
      kind: Type.Enum(['token', 'gateway-key', 'user', 'certificate', 'system']),
      id: Type.String(),
      role: Type.String({ description: 'several, where holdings are; none, where there is none.' }),
      tenant: nullableText,
      permissions,
      session: nullableSession,
      holdings: Type.Array(Type.Object({ role: Type.String(), tenant: nullableText, permissions }), { description: 'Each role, where it was given: a tenant\'s, or the platform\'s (tenant: null).' }),
    }),
  },
  accepts: ['t', 'g'],
  action: 'signed-in.read',
  resource: ({ actor }) => ({ scope: actor.scope }),
  async handle(grant) {
    grant.use('signed-in.read');
    const { actor } = grant;
    const holdings = holdingsOf(actor).map(holdingBody);
    return {
      status: 200,
      body: { kind: actor.kind, id: actor.id, role: actor.role, tenant: tenantOf(actor), permissions: [...new Set(holdings.flatMap((holding) => holding.permissions))], session: actingSessionBody(actor), holdings },
    };
  },
});

function holdingBody(holding: Holding): { role: string; tenant: string | null; permissions: string[] } {
  return { role: holding.role, tenant: tenantOf(holding), permissions: [...permissionsOf(holding)] };
}

function tenantOf({ scope }: Holding): string | null {
  return scope.kind === 'tenant' ? scope.tenant : null;
}
