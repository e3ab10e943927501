import { KeyholdError } from '../../ports/errors.ts';
import type { Scope, TenantScope } from '../../ports/scope.ts';
import { type Action, isOwn } from './actions.ts';
import type { Actor, Holding } from './actor.ts';
import { allows } from './permissions.ts';

/**
 * The actor as it does this to something of this scope: with the first of its holdings that permits it. Otherwise the refusal: `not_found` in a tenant in
 * which it holds nothing, as if that did not exist, and `permission_denied` where what it holds does not permit it. Makes nothing for who holds one role.
 */
export function actingOn(actor: Actor, action: Action, scope: Scope): Actor | KeyholdError {
  if (isOwn(action)) return actor;
  if (actor.holdings === undefined) {
    if (isElsewhere(actor, scope)) return unknownTenant(scope.tenant);
    return allows(actor, action, scope) ? actor : denied(actor.role, action);
  }
  let held: Holding | undefined;
  for (const holding of actor.holdings) {
    if (isElsewhere(holding, scope)) continue;
    if (allows(holding, action, scope)) return as(actor, holding);
    held ??= holding;
  }
  if (held === undefined && scope.kind === 'tenant') return unknownTenant(scope.tenant);
  return denied((held ?? actor).role, action);
}

export function unknownTenant(tenant: string): KeyholdError {
  return new KeyholdError('not_found', `There is no tenant ${tenant}.`);
}

function as(actor: Actor, holding: Holding): Actor {
  if (holding === actor) return actor;
  const { kind, id, authenticatedAt } = actor;
  return { kind, id, ...holding, ...(authenticatedAt === undefined ? {} : { authenticatedAt }) };
}

/** Whether what is held is a tenant's, and this is another one's. */
function isElsewhere({ scope: held }: Holding, scope: Scope): scope is TenantScope {
  return scope.kind === 'tenant' && held.kind === 'tenant' && held.tenant !== scope.tenant;
}

function denied(role: string, action: Action): KeyholdError {
  return new KeyholdError('permission_denied', `The role ${role} may not do ${action} here. Ask an administrator for a token with a role that may.`);
}
