import type { Scope } from '../../ports/scope.ts';
import type { Role } from './role.ts';

interface Rule {
  /** Who may do it to the platform's own things; null where the action has no platform form. */
  readonly platform: readonly Role[] | null;
  /** Who may do it to a tenant's things (tenant roles: their own tenant's). */
  readonly tenant: readonly Role[] | null;
  /** Intent and outcome rows are written for it. Denials of every action are (S29). */
  readonly audited: boolean;
  /** Refused while the tenant is being deleted, or suspended. */
  readonly needsLiveTenant: boolean;
  /** Takes a key out of use: goes on when the audit log cannot be written, with its rows in the emergency journal (S29). */
  readonly urgent?: boolean;
  /** Uses, reads or writes a key, or destroys one: refused while the installation is sealed. Looking, revoking and disabling go on. */
  readonly touchesKeys?: boolean;
  /** Deletes, exports, or changes who signs in or what they may do: a session needs a sign-in of the last ten minutes for it. Taking a key out of use does not wait for one. */
  readonly freshSignIn?: boolean;
}

const read = { audited: false, needsLiveTenant: false } as const;
const write = { audited: true, needsLiveTenant: true } as const;
/** Changes that must stay possible on a suspended tenant or one that is going away. */
const close = { audited: true, needsLiveTenant: false } as const;
const end = { ...close, urgent: true } as const;
const writeKey = { ...write, touchesKeys: true } as const;
const closeKey = { ...close, touchesKeys: true } as const;
const fresh = { freshSignIn: true } as const;

/** The role table of R0.2. `system` is the product's own jobs. */
export const actions = {
  'tenant.create': { platform: ['platform-admin'], tenant: null, ...close },
  'tenant.list': { platform: ['platform-admin', 'platform-operator', 'platform-auditor'], tenant: null, ...read },
  'tenant.read': { platform: null, tenant: ['platform-admin', 'platform-operator', 'platform-auditor'], ...read },
  'tenant.update': { platform: null, tenant: ['platform-admin'], ...close },
  'tenant.delete': { platform: null, tenant: ['platform-admin', 'system'], ...close, ...fresh },
  /** Destroys its data keys at once, and begins its removal (S16). */
  'tenant.shred': { platform: null, tenant: ['platform-admin', 'system'], ...closeKey, ...fresh },
  'shredding.read': { platform: ['platform-admin', 'platform-auditor'], tenant: null, ...read },
  'policy.read': { platform: null, tenant: ['tenant-admin', 'tenant-member', 'tenant-auditor', 'platform-auditor'], ...read },
  'policy.put': { platform: null, tenant: ['tenant-admin'], ...write },
  /** What a tenant may use: what it sets for itself, and what the platform sets for it. */
  'limits.read': { platform: null, tenant: ['tenant-admin', 'tenant-member', 'tenant-auditor', 'platform-auditor'], ...read },
  'limits.put': { platform: null, tenant: ['tenant-admin'], ...write },
  'platform-limits.read': { platform: null, tenant: ['platform-admin', 'platform-operator', 'platform-auditor'], ...read },
  'platform-limits.put': { platform: null, tenant: ['platform-admin'], ...close },
  /** What a tenant is billed counts in the platform's budgets for it, too: it does not set that itself. */
  'prices.read': {
    platform: ['platform-admin', 'platform-operator', 'platform-auditor'],
    tenant: ['tenant-admin', 'tenant-member', 'tenant-auditor', 'platform-admin', 'platform-operator', 'platform-auditor'],
    ...read,
  },
  'prices.put': { platform: ['platform-admin'], tenant: ['platform-admin'], ...write },
  /** Where a tenant's keys are kept and what opens it are for the tenant alone (S25). `system` is the removal of a tenant. */
  'own-vault.read': { platform: null, tenant: ['tenant-admin'], ...read },
  'own-vault.put': { platform: null, tenant: ['tenant-admin'], ...writeKey, ...fresh },
  'own-vault.delete': { platform: null, tenant: ['tenant-admin', 'system'], ...closeKey, ...fresh },
  'own-vault.test': { platform: null, tenant: ['tenant-admin'], ...writeKey },
  'token.list': { platform: ['platform-admin', 'platform-auditor'], tenant: ['tenant-admin', 'tenant-member', 'tenant-auditor', 'platform-auditor'], ...read },
  'token.create': { platform: ['platform-admin', 'system'], tenant: ['tenant-admin', 'platform-admin'], ...write, ...fresh },
  'token.revoke': { platform: ['platform-admin', 'system'], tenant: ['tenant-admin', 'tenant-member', 'system'], ...end },
  /** Users: the platform's are everybody who may sign in, a tenant's are those who hold something there. `system` is the removal of a tenant, and who signs in for the first time. */
  'user.read': { platform: ['platform-admin', 'platform-auditor'], tenant: ['tenant-admin', 'tenant-auditor', 'platform-auditor'], ...read },
  'user.invite': { platform: ['platform-admin'], tenant: ['tenant-admin', 'platform-admin', 'system'], ...write, ...fresh },
  'user.update': { platform: ['platform-admin'], tenant: ['tenant-admin'], ...write, ...fresh },
  'user.remove': { platform: ['platform-admin'], tenant: ['tenant-admin', 'system'], ...end, ...fresh },
  /** Roles that administrators make (S25): only platform-admins say what the platform's permit. */
  'role.read': { platform: ['platform-admin', 'platform-auditor'], tenant: ['tenant-admin', 'tenant-member', 'tenant-auditor', 'platform-auditor'], ...read },
  'role.create': { platform: ['platform-admin'], tenant: ['tenant-admin'], ...write, ...fresh },
  'role.update': { platform: ['platform-admin'], tenant: ['tenant-admin'], ...write, ...fresh },
  'role.delete': { platform: ['platform-admin'], tenant: ['tenant-admin'], ...close, ...fresh },
  'credential.read': {
    platform: ['platform-admin', 'platform-operator', 'platform-auditor'],
    tenant: ['tenant-admin', 'tenant-member', 'tenant-auditor', 'platform-admin', 'platform-auditor'],
    ...read,
  },
  'credential.put': { platform: ['platform-admin'], tenant: ['tenant-admin', 'platform-admin'], ...writeKey },
  'credential.update': { platform: ['platform-admin'], tenant: ['tenant-admin', 'platform-admin'], ...write },
  'credential.delete': { platform: ['platform-admin'], tenant: ['tenant-admin', 'platform-admin', 'system'], ...closeKey, ...fresh },
  'credential.revoke': { platform: ['platform-admin'], tenant: ['tenant-admin', 'platform-admin', 'system'], ...end },
  'credential.recover': { platform: ['platform-admin'], tenant: ['tenant-admin', 'platform-admin'], ...writeKey },
  'credential.purge': { platform: ['platform-admin', 'system'], tenant: ['tenant-admin', 'platform-admin', 'system'], ...closeKey, ...fresh },
  'credential.reconcile': { platform: ['system'], tenant: ['system'], ...closeKey },
  /** A value is moved to the store that could not be reached when it was stored (R3.5). */
  'credential.move': { platform: ['system'], tenant: ['system'], ...closeKey },
  /** A version was found in a store that somebody wrote there past Keyhold (S17): adopted, or denied by policy. */
  'credential.changed_outside': { platform: ['system'], tenant: ['system'], ...writeKey },
  /** What exists already becomes a credential (R6.3); what an earlier system has encrypted is rewritten into the store for new keys (R3.4). */
  'credential.adopt': { platform: ['platform-admin'], tenant: ['platform-admin'], ...writeKey },
  'credential.migrate': { platform: ['platform-admin'], tenant: ['platform-admin'], ...writeKey },
  /** A value was read once, to see whether it could be adopted or migrated. */
  'credential.preview': { platform: ['platform-admin'], tenant: ['platform-admin'], ...writeKey },
  /** A value was read from a store in order to be used; a cached use is accounted in usage instead. */
  'credential.fetch': { platform: ['tenant-admin', 'tenant-member', 'gateway-key'], tenant: ['tenant-admin', 'tenant-member', 'gateway-key'], ...writeKey },
  'gateway-key.read': { platform: null, tenant: ['tenant-admin', 'tenant-member', 'tenant-auditor', 'platform-auditor'], ...read },
  'gateway-key.create': { platform: null, tenant: ['tenant-admin'], ...write },
  'gateway-key.update': { platform: null, tenant: ['tenant-admin'], ...write },
  'gateway-key.rotate': { platform: null, tenant: ['tenant-admin'], ...write },
  /** Whose a leaked key is, and taking it out of use: less than suspending the tenant, which the platform may, and nothing that would let it use one (S25). */
  'gateway-key.find': { platform: ['platform-admin'], tenant: null, ...close },
  'gateway-key.disable': { platform: null, tenant: ['platform-admin'], ...end },
  'gateway-key.revoke': { platform: null, tenant: ['tenant-admin', 'system'], ...end },
  'budget.read': { platform: null, tenant: ['tenant-admin', 'tenant-member', 'tenant-auditor', 'platform-auditor'], ...read },
  'budget.put': { platform: null, tenant: ['tenant-admin'], ...write },
  /** The platform's layer: what it lets a tenant use. */
  'platform-budget.read': { platform: null, tenant: ['platform-admin', 'platform-operator', 'platform-auditor'], ...read },
  'platform-budget.put': { platform: null, tenant: ['platform-admin'], ...close },
  /** What replicas that are gone have leased of budgets, of all tenants'. Giving it back makes no budget larger. */
  'budget-lease.read': { platform: ['platform-admin', 'platform-operator', 'platform-auditor'], tenant: null, ...read },
  'budget-lease.release': { platform: ['platform-admin'], tenant: null, ...close },
  'gateway.use': { platform: null, tenant: ['tenant-admin', 'tenant-member', 'gateway-key'], audited: false, needsLiveTenant: true, touchesKeys: true },
  'usage.read': {
    platform: null,
    tenant: ['platform-admin', 'platform-operator', 'platform-auditor', 'tenant-auditor', 'tenant-admin', 'tenant-member'],
    ...read,
  },
  'audit.read': {
    platform: ['platform-admin', 'platform-auditor'],
    tenant: ['platform-admin', 'platform-auditor', 'tenant-auditor', 'tenant-admin'],
    ...read,
  },
  /** Both change who signs the log's heads; their rows keep what says so under signatures (S30). */
  'audit-key.rotate': { platform: ['system'], tenant: null, ...close },
  'audit-log.accept-restored': { platform: ['system'], tenant: null, ...close },
  /** The emergency stop (S29) is for those who may do everything. */
  'platform.seal': { platform: ['platform-admin'], tenant: null, ...end },
  'platform.unseal': { platform: ['platform-admin'], tenant: null, ...close, ...fresh },
  'platform.read-seal': { platform: ['platform-admin', 'platform-operator', 'platform-auditor'], tenant: null, ...read },
  'root-key.read': { platform: ['platform-admin', 'platform-operator', 'platform-auditor'], tenant: null, ...read },
  /** Changes what wraps the root key; `system` is the command line on a stopped data folder. */
  'root-key.rewrap': { platform: ['platform-admin', 'system'], tenant: null, ...close, ...fresh },
  /** New data keys for one tenant or everybody (S14), asked for; and, a step each, done. */
  'data-keys.read': { platform: ['platform-admin', 'platform-operator', 'platform-auditor'], tenant: null, ...read },
  'data-keys.rotate': { platform: ['platform-admin', 'system'], tenant: null, ...close, ...fresh },
  'data-keys.reseal': { platform: ['system'], tenant: ['system'], ...closeKey },
  'metrics.read': { platform: ['platform-admin', 'platform-operator', 'platform-auditor', 'secret-reader'], tenant: null, ...read },
  'job.read': { platform: ['platform-admin', 'platform-operator', 'platform-auditor'], tenant: null, ...read },
  'store.read': { platform: ['platform-admin', 'platform-operator', 'platform-auditor'], tenant: null, ...read },
  /** The names of what lies in a store where credentials do. */
  'store.find': { platform: ['platform-admin'], tenant: null, ...close },
  'user.sign-out': { platform: ['platform-admin'], tenant: null, ...end },
  /** Everybody's own: who they are, and their sessions. */
  'signed-in.read': { platform: null, tenant: null, ...read },
  'session.begin': { platform: null, tenant: null, ...close },
  'session.end': { platform: null, tenant: null, ...end },
} as const satisfies Record<string, Rule>;

export type Action = keyof typeof actions;

const own: ReadonlySet<Action> = new Set<Action>(['signed-in.read', 'session.begin', 'session.end']);

/** Whether it is about whoever does it, and everybody who has signed in may do it. */
export function isOwn(action: Action): boolean {
  return own.has(action);
}

/** What the table says of one action. */
export function ruleOf(action: Action): Rule {
  return actions[action];
}

/** Whether the table lets this role do this to something of this scope. Whose tenant it is, is the caller's to check. */
export function permits(role: string, action: Action, scope: Scope): boolean {
  const rule = ruleOf(action);
  const roles: readonly string[] | null = scope.kind === 'platform' ? rule.platform : rule.tenant;
  return roles !== null && roles.includes(role);
}
