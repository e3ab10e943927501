import { firstTables } from './0001-first-tables.ts';
import { auditTrees } from './0002-audit-trees.ts';
import { rootWrappings } from './0003-root-wrappings.ts';
import { ownVaults } from './0004-own-vaults.ts';
import { leases } from './0005-leases.ts';
import { usageSegments } from './0006-usage-segments.ts';
import { users } from './0007-users.ts';
import { limits } from './0008-limits.ts';
import { prices } from './0009-prices.ts';
import { budgets } from './0010-budgets.ts';
import { sessions } from './0011-sessions.ts';
import { usageInCommon } from './0012-usage-in-common.ts';
import type { Migration } from './migration.ts';

/** Every step there is, in order. The last one's number is the version of the database that this Keyhold reads and writes. */
export const allMigrations: readonly Migration[] = [firstTables, auditTrees, rootWrappings, ownVaults, leases, usageSegments, users, limits, prices, budgets, sessions, usageInCommon];
