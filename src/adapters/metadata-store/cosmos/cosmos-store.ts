import { KeyholdError } from '../../../ports/errors.ts';
import type { TransferableStore } from '../../../ports/metadata/transfer.ts';
import { AuditBatches } from './audit-batches.ts';
import { CosmosGatewayKeys, CosmosTokens } from './cosmos-access.ts';
import { CosmosAudit } from './cosmos-audit.ts';
import { CosmosBudgetAccounts, tenantBudgets } from './cosmos-budgets.ts';
import { CosmosCredentials } from './cosmos-credentials.ts';
import type { CosmosItems } from './cosmos-items.ts';
import { CosmosRecords } from './cosmos-records.ts';
import { CosmosRows } from './cosmos-rows.ts';
import { CosmosDataKeys, CosmosSealedValues } from './cosmos-sealed.ts';
import { CosmosSessions } from './cosmos-sessions.ts';
import { CosmosUsage } from './cosmos-usage.ts';
import { CosmosUsageSegments } from './cosmos-usage-segments.ts';
import { CosmosMemberships, CosmosRoles, CosmosUsers } from './cosmos-users.ts';
import { readSchema } from './schema.ts';
import { CosmosTenants, leases, limits, ownVaults, platform, policies, priceBooks } from './small-records.ts';

/** The metadata store over a container that is of this version. */
export function createCosmosStore(items: CosmosItems, close: () => Promise<void>): TransferableStore {
  const credentials = new CosmosCredentials(items);
  const usage = new CosmosUsage(items);
  const usageSegments = new CosmosUsageSegments(items);
  return {
    kind: 'cosmos',
    tenants: new CosmosTenants(items),
    policies: new CosmosRecords(items, policies),
    limits: new CosmosRecords(items, limits),
    priceBooks: new CosmosRecords(items, priceBooks),
    tenantBudgets: new CosmosRecords(items, tenantBudgets),
    budgetAccounts: new CosmosBudgetAccounts(items),
    ownVaults: new CosmosRecords(items, ownVaults),
    credentials,
    credentialMaintenance: credentials,
    tokens: new CosmosTokens(items),
    gatewayKeys: new CosmosGatewayKeys(items),
    users: new CosmosUsers(items),
    memberships: new CosmosMemberships(items),
    roles: new CosmosRoles(items),
    sessions: new CosmosSessions(items),
    sealedValues: new CosmosSealedValues(items),
    dataKeys: new CosmosDataKeys(items),
    platform: new CosmosRecords(items, platform),
    leases: new CosmosRecords(items, leases),
    audit: new CosmosAudit(new AuditBatches(items)),
    usage,
    usageSegments,
    rows: new CosmosRows(items, { usage, usageSegments }),
    ping: async () => {
      if ((await readSchema(items)) === undefined) throw new KeyholdError('unavailable', 'The database is not the one that was opened. Stop Keyhold and look at it.');
    },
    // Cosmos DB keeps no files that could be told to forget: what is replaced is gone from the container, and stays in its backups for as long as they are kept (docs/databases.md).
    wipe: async () => {},
    close,
  };
}
