import type { PlatformRole, TenantRole } from '../../ports/metadata/access.ts';
import { KeyholdError } from '../../ports/errors.ts';
import type { Scope } from '../../ports/scope.ts';
import type { Actor } from './actor.ts';

/** The roles that tokens of the platform can have (R0.2). */
const platformRoles = ['platform-admin', 'platform-operator', 'platform-auditor', 'secret-reader'] as const satisfies readonly PlatformRole[];

/** The roles that tokens of a tenant can have (R0.2). */
const tenantRoles = ['tenant-admin', 'tenant-member', 'tenant-auditor'] as const satisfies readonly TenantRole[];

/**
 * The role, if this actor may give it to a new token of this scope: nobody grants what they do not hold, and the platform's
 * administrators make nothing but a tenant's first administrator (S25). Throws `invalid_argument` for a role that the scope does
 * not know, `permission_denied` for one that the actor may not give.
 */
export function grantableRole(actor: Actor, scope: Scope, role: string): PlatformRole | TenantRole {
  const known: readonly (PlatformRole | TenantRole)[] = scope.kind === 'platform' ? platformRoles : tenantRoles;
  const found = known.find((name) => name === role);
  if (found === undefined) {
    const whose = scope.kind === 'platform' ? 'The platform\'s tokens' : 'A tenant\'s tokens';
    throw new KeyholdError('invalid_argument', `${whose} have one of the roles ${known.join(', ')}.`, { details: { property: 'role' } });
  }
  if (scope.kind === 'platform' ? actor.role === 'platform-admin' : actor.role === 'tenant-admin') return found;
  if (actor.role === 'platform-admin' && found === 'tenant-admin') return found;
  throw new KeyholdError('permission_denied', `The role ${actor.role} may not make a token with the role ${found} here. The tenant's own administrator may.`);
}
