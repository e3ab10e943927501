import { randomBytes } from 'node:crypto';
import * as fc from 'fast-check';
import { createMemoryStore } from '../../src/adapters/metadata-store/memory/memory-store.ts';
import { AuditHeads } from '../../src/core/audit/audit-heads.ts';
import { AuditProofs } from '../../src/core/audit/audit-proofs.ts';
import { type ExportedTree, exportLines } from '../../src/core/audit/export-lines.ts';
import { LogTree } from '../../src/core/audit/log-tree.ts';
import { SigningKey } from '../../src/core/audit/notes/signing-key.ts';
import { RowChain } from '../../src/core/audit/row-chain.ts';
import type { AuditRepository, AuditRow } from '../../src/ports/metadata/audit.ts';
import { auditRow } from '../contract/metadata-store-records.ts';
import { MemoryHeads } from './audit-custody.ts';

export interface TestLog {
  readonly repository: AuditRepository;
  readonly key: SigningKey;
  readonly tree: LogTree;
  readonly heads: AuditHeads;
  readonly proofs: AuditProofs;
  readonly kept: MemoryHeads;
  /** Places rows as one replica's next ones. */
  add(rows: readonly Partial<AuditRow>[], replica?: string): Promise<void>;
  /** The export as one text. */
  exported(tree?: ExportedTree): Promise<string>;
}

/** A log in memory under the given key, `keyhold/test` unless it says otherwise. */
export function makeLog(key: SigningKey = SigningKey.fromSeed('keyhold/test', randomBytes(32))): TestLog {
  const repository = createMemoryStore().audit;
  const tree = new LogTree(repository);
  const kept = new MemoryHeads();
  const heads = new AuditHeads({ repository, tree, keys: { current: key, former: [] }, heads: kept });
  const proofs = new AuditProofs(repository, heads);
  const chains = new Map<string, RowChain>();
  let made = 0;
  return {
    repository,
    key,
    tree,
    heads,
    proofs,
    kept,
    add: async (rows, replica = 'r1') => {
      await tree.catchUp();
      const chain = chains.get(replica) ?? new RowChain(replica, randomBytes);
      chains.set(replica, chain);
      const linked = chain.link(rows.map((row) => auditRow(`aud_${(made += 1)}`, row)));
      chain.placed(linked);
      const prepared = await tree.prepare(linked);
      await repository.append(prepared.position, prepared.leaves);
      tree.placed(prepared);
    },
    exported: async (exported = 'log') => {
      const name = exported === 'log' ? null : exported.tenant;
      let text = '';
      const source = {
        head: async () => ({ checkpoint: (await proofs.head(name)).note, keyChanges: await proofs.keyChanges() }),
        entries: (from: number, limit: number) => proofs.entries(name, from, limit),
      };
      for await (const line of exportLines(exported, source)) text += `${line}\n`;
      return text;
    },
  };
}

/** What stands in a row of a random log. */
export const randomRow: fc.Arbitrary<Partial<AuditRow>> = fc.record(
  {
    tenant: fc.constantFrom('acme', 'beta', 'x', null),
    time: fc.integer({ min: 0, max: 4_000_000_000_000 }),
    resource: fc.string({ unit: 'grapheme', maxLength: 40 }),
    requestId: fc.option(fc.string({ unit: 'grapheme', maxLength: 20 })),
    action: fc.constantFrom('credential.put', 'token.create', 'tenant.delete'),
    outcome: fc.constantFrom('ok', 'denied', 'failed', null),
  },
  { requiredKeys: [] },
);
