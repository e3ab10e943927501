import { KeyholdError } from '../../ports/errors.ts';
import type { RoleRepository } from '../../ports/metadata/users.ts';
import type { Scope } from '../../ports/scope.ts';
import type { Action } from './actions.ts';
import type { Actor, Holding } from './actor.ts';
import { isBuiltIn } from './custom-roles.ts';
import { grantablePermissions, holdsAllOf } from './permissions.ts';
import { administratorOf, builtInRoles } from './role.ts';

/**
 * The role, if this actor may give it to a token or a user of this scope: nobody grants what they do not hold, and the platform's
 * administrators make nothing but a tenant's first administrator (S25). Throws `invalid_argument` for a role that the scope does
 * not know, `permission_denied` for one that the actor may not give.
 */
export async function grantableRole(actor: Actor, scope: Scope, role: string, roles: RoleRepository): Promise<Holding> {
  const wanted = await knownRole(scope, role, roles);
  const isFromPlatform = actor.scope.kind === 'platform' && scope.kind === 'tenant';
  if (isFromPlatform ? mayGiveTenants(actor, role) : mayGive(actor, scope, wanted)) return wanted;
  throw new KeyholdError('permission_denied', isFromPlatform
    ? `The role ${actor.role} may not give the role ${role} here. The tenant's own administrator may.`
    : `The role ${actor.role} may not give the role ${role}, which permits what ${actor.role} does not. An administrator may.`);
}

/** Throws `permission_denied` unless the actor holds everything that a role of this scope with these permissions would permit. */
export function requireHeld(actor: Actor, scope: Scope, permissions: readonly Action[]): void {
  if (mayGive(actor, scope, { scope, role: '', permissions: new Set(permissions) })) return;
  throw new KeyholdError('permission_denied', `Nobody grants what they do not hold, and the role ${actor.role} does not permit all of that. An administrator may.`);
}

/** From outside a tenant: its first administrator, and what an operator has written down for who signs in for the first time. */
function mayGiveTenants({ kind, role }: Actor, wanted: string): boolean {
  return kind === 'system' ? wanted !== 'tenant-admin' : role === 'platform-admin' && wanted === 'tenant-admin';
}

function mayGive(actor: Actor, scope: Scope, wanted: Holding): boolean {
  // Administrators give every role of their scope, those included whose permissions are for their holders alone (secret-reader).
  return actor.role === administratorOf(scope) || holdsAllOf(actor, wanted);
}

async function knownRole(scope: Scope, role: string, roles: RoleRepository): Promise<Holding> {
  if (isBuiltIn(scope, role)) return { scope, role };
  const made = (await roles.get({ scope, name: role }))?.record;
  if (made === undefined || made.deletedAt !== null) {
    const whose = scope.kind === 'platform' ? 'The platform' : 'A tenant';
    throw new KeyholdError('invalid_argument', `${whose} has the roles ${builtInRoles(scope).join(', ')}, and those that its administrator has made.`, { details: { property: 'role' } });
  }
  const named = new Set(made.permissions);
  return { scope, role, permissions: new Set(grantablePermissions(scope).filter((action) => named.has(action))) };
}
