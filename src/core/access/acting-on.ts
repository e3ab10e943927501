import { KeyholdError } from '../../ports/errors.ts';
import type { Scope } from '../../ports/scope.ts';
import type { Action } from './actions.ts';
import { type Actor, type Holding, holdingsOf } from './actor.ts';
import { allows } from './permissions.ts';

/**
 * The actor as it does this to something of this scope: with the first of its holdings that permits it. Otherwise the refusal: `not_found` in a tenant in
 * which it holds nothing, as if that did not exist, and `permission_denied` where what it holds does not permit it. Makes nothing for who holds one role.
 */
export function actingOn(actor: Actor, action: Action, scope: Scope): Actor | KeyholdError {
  if (action === 'signed-in.read') return actor;
  let held: Holding | undefined;
  for (const holding of holdingsOf(actor)) {
    if (scope.kind === 'tenant' && holding.scope.kind === 'tenant' && holding.scope.tenant !== scope.tenant) continue;
    if (allows(holding, action, scope)) return as(actor, holding);
    held ??= holding;
  }
  if (held === undefined && scope.kind === 'tenant') return unknownTenant(scope.tenant);
  const { role } = held ?? actor;
  return new KeyholdError('permission_denied', `The role ${role} may not do ${action} here. Ask an administrator for a token with a role that may.`);
}

export function unknownTenant(tenant: string): KeyholdError {
  return new KeyholdError('not_found', `There is no tenant ${tenant}.`);
}

function as(actor: Actor, holding: Holding): Actor {
  if (holding === actor) return actor;
  const { kind, id, authenticatedAt } = actor;
  return { kind, id, ...holding, ...(authenticatedAt === undefined ? {} : { authenticatedAt }) };
}
