import type { Access } from '../core/access/authorize.ts';
import type { Principals } from '../core/access/principals.ts';
import type { UnknownKeys } from '../core/access/unknown-keys.ts';
import type { AuditLog } from '../core/audit/audit-log.ts';
import type { BudgetGate } from '../core/budgets/budget-gate.ts';
import type { Catalog } from '../core/catalog/catalog.ts';
import type { RateLimits } from '../core/limits/rate-limits.ts';
import type { AiCredentials } from '../core/resolution/ai-credentials.ts';
import type { PriceTable } from '../core/prices/price-table.ts';
import type { Resolver } from '../core/resolution/resolver.ts';
import type { Staleness } from '../core/resolution/staleness.ts';
import type { Policies } from '../core/tenants/policies.ts';
import type { Clock, RandomBytes } from '../ports/clock.ts';
import type { Log } from '../ports/log.ts';
import type { Metrics } from '../ports/metrics.ts';
import type { Soon } from '../ports/soon.ts';
import type { UsageJournal } from '../ports/usage-journal.ts';
import type { ClientAddresses } from './client/client-address.ts';
import type { ClientCertificates } from './client/client-certificates.ts';
import type { OpenRequests } from './open-requests.ts';
import type { GatewayEgress } from './upstreams.ts';

/** What the gateway is thin over. */
export interface GatewayDependencies {
  readonly catalog: Catalog;
  readonly clientAddresses: ClientAddresses;
  readonly clientCertificates: ClientCertificates;
  readonly principals: Pick<Principals, 'authenticate' | 'ofCertificate' | 'mayGoOn'>;
  readonly unknownKeys: Pick<UnknownKeys, 'blockedFor' | 'note'>;
  readonly access: Pick<Access, 'authorizeUse'>;
  readonly budgets: Pick<BudgetGate, 'reserve'>;
  readonly policies: Pick<Policies, 'policyOf'>;
  readonly prices: { tableOf(tenant: string): Soon<PriceTable> };
  readonly resolver: Pick<Resolver, 'resolve' | 'refreshAfterRefusal'>;
  readonly rateLimits: Pick<RateLimits, 'admit'>;
  readonly staleness: Pick<Staleness, 'callerMs' | 'secondsOf'>;
  readonly journal: Pick<UsageJournal, 'name' | 'holdsAnswers' | 'begin' | 'end'>;
  /** Failed sign-ins are counted there, and keys used from elsewhere are denials (S29). */
  readonly audit: Pick<AuditLog, 'signInFailed' | 'denied'>;
  readonly metrics: Pick<Metrics, 'gatewayRequest' | 'openRequests'>;
  readonly log: Log;
  readonly clock: Clock;
  readonly random: RandomBytes;
  /** By service id, where an operator pointed a service elsewhere (`KEYHOLD_SERVICE_BASE_URL_<SERVICE>`). */
  readonly baseUrls: ReadonlyMap<string, string>;
  /** The way out to the addresses of the catalogue and of tenants (S33). */
  readonly egress: GatewayEgress;
  /** `KEYHOLD_DEFAULT_PROVIDER` */
  readonly defaultProvider: string;
  /** Ids of the services that the tenant has active credentials of its own for (R4.3). */
  readonly aiCredentials: Pick<AiCredentials, 'of'>;
  /** Left out: this process's own count. */
  readonly openRequests?: OpenRequests | undefined;
  /** Of this process, where they are not the usual ones; tests make them small. */
  readonly limits?: { readonly openPerTenant?: number; readonly bodyBytesPerProcess?: number; readonly bodyBytesPerTenant?: number };
}
