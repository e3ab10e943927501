import { sql } from 'kysely';
import type { TransferableStore } from '../../../ports/metadata/transfer.ts';
import type { SqlDialect } from './dialect.ts';
import type { SqlExecutor } from './executor.ts';
import { leaseTable } from './lease-table.ts';
import { PreparedQuery } from './prepared-query.ts';
import { SqlGatewayKeys, SqlTokens } from './sql-access.ts';
import { SqlAudit } from './sql-audit.ts';
import { SqlBudgetAccounts, tenantBudgetsTable } from './sql-budgets.ts';
import { SqlCredentials } from './sql-credentials.ts';
import { SqlRecords } from './sql-records.ts';
import { SqlRows } from './sql-rows.ts';
import { platformTable, SqlDataKeys, SqlSealedValues } from './sql-sealed.ts';
import { SqlSessions } from './sql-sessions.ts';
import { limitsTable, ownVaultTable, policyTable, priceBookTable, SqlTenants } from './sql-tenants.ts';
import { SqlUsage } from './sql-usage.ts';
import { SqlUsageSegments } from './sql-usage-segments.ts';
import { SqlMemberships, SqlRoles, SqlUsers } from './sql-users.ts';

/** The metadata store over any SQL database whose migrations have run. Its `close` closes the executor. */
export function createSqlStore(executor: SqlExecutor, dialect: SqlDialect): TransferableStore {
  const credentials = new SqlCredentials(executor, dialect);
  const one = new PreparedQuery(dialect.queries.selectNoFrom(sql<number>`1`.as('one')));
  return {
    kind: dialect.kind,
    tenants: new SqlTenants(executor, dialect),
    policies: new SqlRecords(executor, dialect, policyTable),
    limits: new SqlRecords(executor, dialect, limitsTable),
    priceBooks: new SqlRecords(executor, dialect, priceBookTable),
    tenantBudgets: new SqlRecords(executor, dialect, tenantBudgetsTable),
    budgetAccounts: new SqlBudgetAccounts(executor, dialect),
    ownVaults: new SqlRecords(executor, dialect, ownVaultTable),
    credentials,
    credentialMaintenance: credentials,
    tokens: new SqlTokens(executor, dialect),
    gatewayKeys: new SqlGatewayKeys(executor, dialect),
    users: new SqlUsers(executor, dialect),
    memberships: new SqlMemberships(executor, dialect),
    roles: new SqlRoles(executor, dialect),
    sessions: new SqlSessions(executor, dialect),
    sealedValues: new SqlSealedValues(executor, dialect),
    dataKeys: new SqlDataKeys(executor, dialect),
    platform: new SqlRecords(executor, dialect, platformTable),
    leases: new SqlRecords(executor, dialect, leaseTable),
    audit: new SqlAudit(executor, dialect),
    usage: new SqlUsage(executor, dialect),
    usageSegments: new SqlUsageSegments(executor, dialect),
    rows: new SqlRows(executor, dialect),
    ping: async () => {
      await one.read(executor, {});
    },
    wipe: () => executor.wipe(),
    close: () => executor.close(),
  };
}
