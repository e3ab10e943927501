import { platformScope, type Scope, tenantScope } from '../../ports/scope.ts';
import { type Action, actions, permits } from './actions.ts';
import type { Holding } from './actor.ts';
import { administratorOf } from './role.ts';

/** Reading a value in order to use it is a part of the use, and is nothing that could be given or kept by itself. */
const FOLLOWS: Partial<Readonly<Record<Action, Action>>> = { 'credential.fetch': 'gateway.use' };

/** Only platform-admins say what a role of the platform may do (S25). */
const NOT_DELEGATED: ReadonlySet<Action> = new Set(['role.create', 'role.update', 'role.delete']);

/** Any tenant: the table does not tell one from another. */
const someTenant = tenantScope('any');

/** Whether what is held permits this to something of this scope. A role that somebody made never permits more than its scope's administrator may do. */
export function allows({ role, scope: held, permissions }: Holding, action: Action, scope: Scope): boolean {
  if (permissions === undefined) return permits(role, action, scope);
  if (!permissions.has(FOLLOWS[action] ?? action) || !permits(administratorOf(held), action, scope)) return false;
  return held.kind === 'tenant' || scope.kind === 'tenant' || !NOT_DELEGATED.has(action);
}

/** Whose things a role of this scope is about: a tenant's about that tenant's, the platform's about the platform's and all tenants'. */
function reachOf({ kind }: Scope): readonly Scope[] {
  return kind === 'platform' ? [platformScope, someTenant] : [someTenant];
}

const allActions: readonly Action[] = Object.keys(actions).filter((name): name is Action => Object.hasOwn(actions, name));

/** Every action that the holding permits somewhere. */
export function permissionsOf(holding: Holding): readonly Action[] {
  return allActions.filter((action) => reachOf(holding.scope).some((scope) => allows(holding, action, scope)));
}

/** What can be put into a role of this scope: what its administrator may do, and may hand on. */
export function grantablePermissions(scope: Scope): readonly Action[] {
  const everything: Holding = { scope, role: '', permissions: new Set(allActions) };
  return permissionsOf(everything).filter((action) => FOLLOWS[action] === undefined);
}

/** Whether whoever holds the one may do all that whoever holds the other may: nobody grants what they do not hold. */
export function holdsAllOf(one: Holding, other: Holding): boolean {
  return allActions.every((action) => reachOf(other.scope).every((scope) => !allows(other, action, scope) || allows(one, action, scope)));
}
