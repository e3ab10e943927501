import type { AzureApp } from './directory.ts';

type ObjectKind = 'secrets' | 'keys';
export type SecretPermission = 'get' | 'list' | 'set' | 'delete' | 'recover' | 'purge';
export type KeyPermission = 'get' | 'list' | 'create' | 'import' | 'update' | 'delete' | 'recover' | 'purge' | 'wrapKey' | 'unwrapKey' | 'encrypt' | 'decrypt' | 'rotate';

/** An access policy of a vault: all that one app may, as `az keyvault set-policy` takes it. */
export interface AccessPolicy {
  readonly secrets?: readonly SecretPermission[];
  readonly keys?: readonly KeyPermission[];
}

/** All that there is. */
export const everyPermission = {
  secrets: ['get', 'list', 'set', 'delete', 'recover', 'purge'],
  keys: ['get', 'list', 'create', 'import', 'update', 'delete', 'recover', 'purge', 'wrapKey', 'unwrapKey', 'encrypt', 'decrypt', 'rotate'],
} as const satisfies AccessPolicy;

/** What an operation needs, in the words of both permission models. */
export interface Need {
  readonly kind: ObjectKind;
  readonly permission: SecretPermission | KeyPermission;
  /** After `Microsoft.KeyVault/vaults/`. */
  readonly action: string;
}

/** The built-in roles that matter here, with their data actions after `Microsoft.KeyVault/vaults/`
 * (https://learn.microsoft.com/azure/role-based-access-control/built-in-roles/security). */
const roles = {
  'Key Vault Administrator': ['*'],
  'Key Vault Secrets Officer': ['secrets/*'],
  'Key Vault Secrets User': ['secrets/getSecret/action', 'secrets/readMetadata/action'],
  'Key Vault Reader': ['secrets/readMetadata/action', 'keys/read'],
  'Key Vault Crypto Officer': ['keys/*'],
  'Key Vault Crypto User': ['keys/read', 'keys/update/action', 'keys/encrypt/action', 'keys/decrypt/action', 'keys/wrap/action', 'keys/unwrap/action'],
  'Key Vault Crypto Service Encryption User': ['keys/read', 'keys/wrap/action', 'keys/unwrap/action'],
} as const;

type RoleName = keyof typeof roles;
/** A built-in role, or a custom one by its data actions (`secrets/getSecret/action`). */
export type Role = RoleName | { readonly dataActions: readonly string[] };

interface Grant<Granted> {
  readonly since: number;
  readonly granted: Granted;
}

/** Who may do what in one vault. A change holds after `delayMs`; until then, what held before. */
export class Permissions {
  /** How long a change takes to hold, in milliseconds; looked at when the permission is. */
  delayMs = 0;
  readonly #policies = new Map<string, Grant<AccessPolicy>[]>();
  readonly #roles = new Map<string, Grant<readonly Role[]>[]>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Replaces the app's access policy. */
  setPolicy(app: AzureApp, policy: AccessPolicy): void {
    this.#add(this.#policies, app, policy);
  }

  /** Replaces the app's role assignments on this vault. */
  assignRoles(app: AzureApp, roles: readonly Role[]): void {
    this.#add(this.#roles, app, roles);
  }

  policyAllows(objectId: string, { kind, permission }: Need): boolean {
    const allowed: readonly string[] = this.#holding(this.#policies, objectId)?.[kind] ?? [];
    return allowed.includes(permission);
  }

  roleAllows(objectId: string, { action }: Need): boolean {
    const actions = (this.#holding(this.#roles, objectId) ?? []).flatMap((role) => (typeof role === 'string' ? roles[role] : role.dataActions));
    return actions.some((allowed) => (allowed.endsWith('*') ? action.startsWith(allowed.slice(0, -1)) : allowed.toLowerCase() === action.toLowerCase()));
  }

  #add<Granted>(grants: Map<string, Grant<Granted>[]>, { objectId }: AzureApp, granted: Granted): void {
    grants.set(objectId, [...(grants.get(objectId) ?? []), { since: this.#now(), granted }]);
  }

  #holding<Granted>(grants: Map<string, Grant<Granted>[]>, objectId: string): Granted | undefined {
    const now = this.#now();
    return grants.get(objectId)?.findLast(({ since }) => since + this.delayMs <= now)?.granted;
  }
}
