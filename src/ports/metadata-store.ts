import type { GatewayKeyRepository, TokenRepository } from './metadata/access.ts';
import type { AuditRepository } from './metadata/audit.ts';
import type { BudgetAccountRepository, TenantBudgetsRepository } from './metadata/budgets.ts';
import type { CredentialMaintenance, CredentialRepository } from './metadata/credentials.ts';
import type { LeaseRepository } from './metadata/leases.ts';
import type { LimitsRepository } from './metadata/limits.ts';
import type { OwnVaultRepository } from './metadata/own-vaults.ts';
import type { PriceBookRepository } from './metadata/prices.ts';
import type { DataKeyRepository, PlatformRepository, SealedValueRepository } from './metadata/sealed.ts';
import type { SessionRepository } from './metadata/sessions.ts';
import type { PolicyRepository, TenantRepository } from './metadata/tenants.ts';
import type { UsageRepository } from './metadata/usage.ts';
import type { UsageSegmentRepository } from './metadata/usage-segments.ts';
import type { MembershipRepository, RoleRepository, UserRepository } from './metadata/users.ts';

/**
 * The database, as small repositories. Texts come back exactly as they were given (emoji included); a NUL or a lone surrogate is
 * refused with `invalid_argument` by every adapter, since not every database keeps them. So is a text of more than 800 bytes (UTF-8) in a key or a filter, or
 * by which an audit row is found, since not every database could find it; all other texts are as long as they like.
 */
export interface MetadataStore {
  readonly kind: 'sqlite' | 'postgres' | 'cosmos' | 'memory';
  readonly tenants: TenantRepository;
  readonly policies: PolicyRepository;
  readonly limits: LimitsRepository;
  readonly priceBooks: PriceBookRepository;
  readonly tenantBudgets: TenantBudgetsRepository;
  readonly budgetAccounts: BudgetAccountRepository;
  readonly ownVaults: OwnVaultRepository;
  readonly credentials: CredentialRepository;
  readonly credentialMaintenance: CredentialMaintenance;
  readonly tokens: TokenRepository;
  readonly gatewayKeys: GatewayKeyRepository;
  readonly users: UserRepository;
  readonly memberships: MembershipRepository;
  readonly roles: RoleRepository;
  readonly sessions: SessionRepository;
  readonly sealedValues: SealedValueRepository;
  readonly dataKeys: DataKeyRepository;
  readonly platform: PlatformRepository;
  readonly leases: LeaseRepository;
  readonly audit: AuditRepository;
  readonly usage: UsageRepository;
  readonly usageSegments: UsageSegmentRepository;
  /** A cheap round trip; `unavailable` when the database cannot answer. */
  ping(): Promise<void>;
  /** Takes what was removed or replaced out of the database's own files, as far as it can (S16): free pages and logs that it keeps for itself. Throws `unavailable` where it cannot now. */
  wipe(): Promise<void>;
  close(): Promise<void>;
}
