import type { Migration } from './migration.ts';

/** Usage journals that are kept in the database. `is_open`: see sql/sql-usage-segments.ts. */
export const usageSegments: Migration = {
  version: 6,
  name: 'usage segments',
  sql: `
    CREATE TABLE usage_segments (
      journal TEXT NOT NULL,
      segment INTEGER NOT NULL,
      is_open INTEGER,
      body TEXT NOT NULL,
      PRIMARY KEY (journal, segment)
    ) STRICT;
    CREATE INDEX usage_segments_open ON usage_segments (journal, segment) WHERE is_open IS NOT NULL;
  `,
};
