import type { Access } from '../core/access/authorize.ts';
import type { GatewayKeyFinder } from '../core/access/gateway-key-finder.ts';
import type { GatewayKeyService } from '../core/access/gateway-key-service.ts';
import type { InstallationSeal } from '../core/access/installation-seal.ts';
import type { Idempotency } from '../core/access/idempotency.ts';
import type { Principals } from '../core/access/principals.ts';
import type { RoleService } from '../core/access/role-service.ts';
import type { MemberService } from '../core/access/member-service.ts';
import type { Sessions } from '../core/access/sessions.ts';
import type { UserService } from '../core/access/user-service.ts';
import type { TokenService } from '../core/access/token-service.ts';
import type { UnknownKeys } from '../core/access/unknown-keys.ts';
import type { Adoption } from '../core/adoption/adoption.ts';
import type { LegacyMigration } from '../core/adoption/legacy-migration.ts';
import type { AuditLog } from '../core/audit/audit-log.ts';
import type { AuditProofs } from '../core/audit/audit-proofs.ts';
import type { WitnessedHeads } from '../core/audit/witnessed-heads.ts';
import type { BudgetService } from '../core/budgets/budget-service.ts';
import type { LostLeases } from '../core/budgets/lost-leases.ts';
import type { Catalog } from '../core/catalog/catalog.ts';
import type { CredentialService } from '../core/credentials/credential-service.ts';
import type { CursorSeal } from '../core/crypto/cursor-seal.ts';
import type { JobList } from '../core/replicas/job-list.ts';
import type { LimitsService } from '../core/limits/limits-service.ts';
import type { OwnVaultService } from '../core/own-vaults/own-vault-service.ts';
import type { StoreNames } from '../core/stores/store-names.ts';
import type { DataKeyRotationService } from '../core/keys/data-key-rotation-service.ts';
import type { ProviderKeys } from '../core/keys/provider-keys.ts';
import type { TenantShredding } from '../core/keys/tenant-shredding.ts';
import type { RootKeyService } from '../core/keys/root-key-service.ts';
import type { ModelList } from '../core/prices/model-list.ts';
import type { PriceService } from '../core/prices/price-service.ts';
import type { StoreStatus } from '../core/stores/store-status.ts';
import type { PolicyService } from '../core/tenants/policy-service.ts';
import type { TenantService } from '../core/tenants/tenant-service.ts';
import type { UsageQuery } from '../core/usage/usage-query.ts';
import type { BrowserSignIns } from '../core/access/browser-sign-ins.ts';
import type { ClientAddresses } from '../gateway/client/client-address.ts';
import type { ClientCertificates } from '../gateway/client/client-certificates.ts';
import type { Clock, RandomBytes } from '../ports/clock.ts';
import type { Log } from '../ports/log.ts';
import type { Metrics } from '../ports/metrics.ts';
import type { OwnAddress } from './own-address.ts';

/** Whether requests can be served, told without hosts or error texts (S35). */
export interface Readiness {
  readonly ready: boolean;
  /** What does not work as it should while cached keys serve on: `database`, `store`, … */
  readonly degraded: readonly string[];
}

/** What the control plane's routes are thin over. */
export interface ControlPlaneServices {
  readonly seal: Pick<InstallationSeal, 'seal' | 'unseal' | 'show'>;
  readonly tenants: TenantService;
  readonly policies: PolicyService;
  readonly limits: LimitsService;
  readonly prices: PriceService;
  readonly models: ModelList;
  readonly ownVaults: OwnVaultService;
  readonly tokens: TokenService;
  readonly roles: RoleService;
  readonly members: MemberService;
  readonly users: UserService;
  readonly gatewayKeys: GatewayKeyService;
  readonly gatewayKeyFinder: GatewayKeyFinder;
  readonly budgets: BudgetService;
  readonly lostLeases: LostLeases;
  readonly credentials: CredentialService;
  readonly adoption: Adoption;
  readonly legacyMigration: LegacyMigration;
  readonly usage: UsageQuery;
  readonly jobs: Pick<JobList, 'list'>;
  readonly storeStatus: StoreStatus;
  readonly storeNames: StoreNames;
  readonly rootKeys: RootKeyService;
  readonly dataKeyRotation: DataKeyRotationService;
  readonly providerKeys: ProviderKeys;
  readonly shredding: TenantShredding;
  /** null where no HashiCorp Vault is switched on (R4.17). */
  readonly vault: { connected(): boolean } | null;
  readonly audit: AuditLog;
  readonly auditProofs: AuditProofs;
  /** null: none is set. */
  readonly auditWitness: Pick<WitnessedHeads, 'name' | 'last' | 'failure'> | null;
  readonly catalog: Catalog;
  readonly access: Access;
  readonly principals: Principals;
  readonly sessions: Sessions;
  readonly browserSignIns: BrowserSignIns;
  /** What Keyhold is called, for requests that browsers send. */
  readonly ownAddress: OwnAddress;
  readonly clientAddresses: ClientAddresses;
  readonly clientCertificates: ClientCertificates;
  readonly unknownKeys: Pick<UnknownKeys, 'blockedFor' | 'note'>;
  readonly idempotency: Idempotency;
  readonly cursors: CursorSeal;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly readiness: { report(): Promise<Readiness> };
  /** Only this machine can reach the listener: `/metrics` needs no token (S35). */
  readonly listenIsLoopback: boolean;
  /** Browsers are told to come back by https only. */
  readonly listensWithTls: boolean;
  /** Keyhold's own. */
  readonly version: string;
}
