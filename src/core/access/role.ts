import type { Scope } from '../../ports/scope.ts';

/** The roles that the platform's tokens and users can have without anybody having made them (R0.2). */
export const platformRoles = ['platform-admin', 'platform-operator', 'platform-auditor', 'secret-reader'] as const;

/** The roles that a tenant's tokens and users can have without anybody having made them (R0.2). */
export const tenantRoles = ['tenant-admin', 'tenant-member', 'tenant-auditor'] as const;

/** What the action table knows. A gateway key and the product itself hold roles that nobody can be given. */
export type Role = (typeof platformRoles)[number] | (typeof tenantRoles)[number] | 'gateway-key' | 'system';

export function builtInRoles({ kind }: Scope): readonly Role[] {
  return kind === 'platform' ? platformRoles : tenantRoles;
}

/** Whose permissions are the most that a role of this scope can have (S25). */
export function administratorOf({ kind }: Scope): 'platform-admin' | 'tenant-admin' {
  return kind === 'platform' ? 'platform-admin' : 'tenant-admin';
}
