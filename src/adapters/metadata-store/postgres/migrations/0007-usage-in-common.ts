import type { PostgresMigration } from './migration.ts';

/**
 * No table changes, and what is in them neither: from here on batches of usage are kept in another form (`batch-text.ts`), and a journal's segments tell of deliveries that have begun. An
 * older Keyhold would read both wrongly, and refuses the database instead.
 */
export const usageInCommon: PostgresMigration = {
  version: 7,
  name: 'usage-in-common',
  sql: 'SELECT 1;',
};
