import { Type } from 'typebox';
import { type Action, actions, permits } from '../../../core/access/actions.ts';
import type { Actor } from '../../../core/access/actor.ts';
import { platformScope, tenantScope } from '../../../ports/scope.ts';
import { guardedRoute } from '../../route.ts';
import { nullableText } from '../../schemas/fields.ts';

/** R0.2: who the token belongs to and what it may do. */
export const showMe = guardedRoute({
  method: 'GET',
  url: '/api/v1/me',
  summary: 'Show who I am and what I may do',
  tag: 'Sign-in',
  statuses: [200],
  schema: {
    answer: Type.Object({
      kind: Type.Enum(['token', 'gateway-key']),
      id: Type.String(),
      role: Type.String(),
      tenant: nullableText,
      permissions: Type.Array(Type.String(), { description: 'Actions, as the audit log names them.' }),
    }),
  },
  accepts: ['t', 'g'],
  action: 'signed-in.read',
  resource: ({ actor }) => ({ scope: actor.scope }),
  async handle(grant) {
    grant.use('signed-in.read');
    const { actor } = grant;
    return {
      status: 200,
      body: {
        kind: actor.kind === 'gateway-key' ? ('gateway-key' as const) : ('token' as const),
        id: actor.id,
        role: actor.role,
        tenant: actor.scope.kind === 'tenant' ? actor.scope.tenant : null,
        permissions: permissionsOf(actor),
      },
    };
  },
});

function isAction(name: string): name is Action {
  return Object.hasOwn(actions, name);
}

/** A platform role's actions on the platform's things and on tenants'; a tenant role's on its own tenant's. */
function permissionsOf({ role, scope }: Actor): Action[] {
  const scopes = scope.kind === 'tenant' ? [scope] : [platformScope, tenantScope('any')];
  return Object.keys(actions).filter(isAction).filter((action) => scopes.some((owner) => permits(role, action, owner)));
}
