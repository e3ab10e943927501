import { firstTables } from './0001-first-tables.ts';
import { users } from './0002-users.ts';
import { limits } from './0003-limits.ts';
import { prices } from './0004-prices.ts';
import { budgets } from './0005-budgets.ts';
import { sessions } from './0006-sessions.ts';
import { usageInCommon } from './0007-usage-in-common.ts';
import type { PostgresMigration } from './migration.ts';

/** Every step there is, in order. The last one's number is the version of the database that this Keyhold reads and writes. */
export const allMigrations: readonly PostgresMigration[] = [firstTables, users, limits, prices, budgets, sessions, usageInCommon];
