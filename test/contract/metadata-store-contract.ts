import { afterEach, beforeEach, describe, it } from 'vitest';
import { auditRules } from './metadata-store-audit.ts';
import { budgetRules } from './metadata-store-budgets.ts';
import { credentialRules } from './metadata-store-credentials.ts';
import { listRules } from './metadata-store-lists.ts';
import { recordRules } from './metadata-store-records-rules.ts';
import { sessionRules } from './metadata-store-sessions.ts';
import type { StoreUnderTest } from './metadata-store-rule.ts';
import { databaseTable, StoreTable } from './store-table.ts';
import { textRules } from './metadata-store-texts.ts';
import { usageRules } from './metadata-store-usage.ts';
import { usageSegmentRules } from './metadata-store-usage-segments.ts';

export interface ContractOptions {
  readonly name: string;
  readonly create: () => Promise<StoreUnderTest>;
  /** The column of docs/databases.md that this run is for; left out where it is for none. */
  readonly column?: (typeof databaseTable.columns)[number];
}

/** What every metadata store keeps, whichever database is behind it (src/ports/metadata-store.ts). */
export function metadataStoreContract({ name, create, column }: ContractOptions): void {
  const rules = [...recordRules, ...textRules, ...listRules, ...credentialRules, ...auditRules, ...usageRules, ...usageSegmentRules, ...budgetRules, ...sessionRules];
  const table = column === undefined ? undefined : new StoreTable(databaseTable, column);
  describe(`metadata store: ${name}`, () => {
    let subject: StoreUnderTest;
    beforeEach(async () => {
      subject = await create();
    });
    afterEach(async () => {
      await subject.dispose();
    });
    for (const { title, check } of rules) {
      table?.rule(title);
      it(title, async () => {
        await check(subject);
        table?.possible(title);
      });
    }
    table?.check();
  });
}
