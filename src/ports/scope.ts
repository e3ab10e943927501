/** Whose something is: the platform's own, or one tenant's. The platform is never a tenant (S13). */
export type Scope = PlatformScope | TenantScope;

export interface PlatformScope {
  readonly kind: 'platform';
}

export interface TenantScope {
  readonly kind: 'tenant';
  readonly tenant: string;
}

export const platformScope: PlatformScope = Object.freeze({ kind: 'platform' });

export function tenantScope(tenant: string): TenantScope {
  return Object.freeze({ kind: 'tenant', tenant });
}

/**
 * One text for a scope, used in map keys and database keys. A tenant's id never contains `:` (R0.2), so `platform` and
 * `tenant:<id>` cannot meet.
 */
export function scopeKey(scope: Scope): string {
  return scope.kind === 'platform' ? 'platform' : `tenant:${scope.tenant}`;
}

export function sameScope(a: Scope, b: Scope): boolean {
  return scopeKey(a) === scopeKey(b);
}

/** The scope of a text that `scopeKey` made. */
export function scopeFrom(key: string): Scope {
  return key === 'platform' ? platformScope : tenantScope(key.slice('tenant:'.length));
}
