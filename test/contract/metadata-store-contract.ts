import { afterEach, beforeEach, describe, it } from 'vitest';
import { auditRules } from './metadata-store-audit.ts';
import { credentialRules } from './metadata-store-credentials.ts';
import { listRules } from './metadata-store-lists.ts';
import { recordRules } from './metadata-store-records-rules.ts';
import type { StoreUnderTest } from './metadata-store-rule.ts';
import { textRules } from './metadata-store-texts.ts';
import { usageRules } from './metadata-store-usage.ts';
import { usageSegmentRules } from './metadata-store-usage-segments.ts';

export interface ContractOptions {
  readonly name: string;
  readonly create: () => Promise<StoreUnderTest>;
  /** Tests that this adapter cannot pass, by title, each with the reason. */
  readonly skip?: readonly { readonly test: string; readonly reason: string }[];
}

/** What every metadata store keeps, whichever database is behind it (src/ports/metadata-store.ts). */
export function metadataStoreContract({ name, create, skip = [] }: ContractOptions): void {
  const rules = [...recordRules, ...textRules, ...listRules, ...credentialRules, ...auditRules, ...usageRules, ...usageSegmentRules];
  for (const { test } of skip) {
    if (!rules.some(({ title }) => title === test)) throw new Error(`the contract has no test «${test}»`);
  }
  describe(`metadata store: ${name}`, () => {
    let subject: StoreUnderTest;
    beforeEach(async () => {
      subject = await create();
    });
    afterEach(async () => {
      await subject.dispose();
    });
    for (const { title, check } of rules) {
      const skipped = skip.find(({ test }) => test === title);
      it(skipped === undefined ? title : `${title} (skipped: ${skipped.reason})`, { skip: skipped !== undefined }, () => check(subject));
    }
  });
}
