import type { PlatformRole, TenantRole } from '../../ports/metadata/access.ts';
import type { Scope } from '../../ports/scope.ts';

/** What may act. A gateway key and the product itself hold roles that nobody can be given. */
export type Role = PlatformRole | TenantRole | 'gateway-key' | 'system';

/** Who is asking: proven by a token, a gateway key, or by being the product itself (jobs). */
export interface Actor {
  readonly kind: 'token' | 'gateway-key' | 'system';
  /** The token's or key's id; for the product itself the job's name. */
  readonly id: string;
  readonly role: Role;
  /** A tenant's actor acts in that tenant alone. */
  readonly scope: Scope;
}

export function systemActor(job: string): Actor {
  return { kind: 'system', id: job, role: 'system', scope: { kind: 'platform' } };
}
