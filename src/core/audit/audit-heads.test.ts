import { randomBytes } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MemoryHeads } from '../../../test/support/audit-custody.ts';
import { makeLog, randomRow, type TestLog } from '../../../test/support/audit-logs.ts';
import { put } from '../../../test/support/audit-world.ts';
import type { AuditRepository } from '../../ports/metadata/audit.ts';
import { StartError } from '../../ports/start-error.ts';
import { openKeptTree } from './audit-heads.ts';
import { createAuditLog } from './audit-writer.ts';
import { LogTree } from './log-tree.ts';
import { openCheckpoint, tenantOrigin } from './notes/checkpoint.ts';
import { SigningKey } from './notes/signing-key.ts';
import { CompactRange } from './tree/compact-range.ts';
import { leafHash } from './tree/hashing.ts';
import { provesConsistency, provesInclusion } from './tree/verify-proof.ts';

const silent = { debug() {}, info() {}, warn() {}, error() {} };

async function opened(log: TestLog, repository: AuditRepository = log.repository): Promise<LogTree> {
  return openKeptTree({ repository, known: [log.key.verifier], heads: log.kept, log: silent });
}

async function refusal(opening: Promise<unknown>): Promise<StartError> {
  const error: unknown = await opening.then(() => new Error('it was opened'), (reason: unknown) => reason);
  if (!(error instanceof StartError)) throw error;
  return error;
}

function rowsOf(count: number, tenant: string | null = 'acme') {
  return Array.from({ length: count }, () => ({ tenant }));
}

describe('heads of the audit log (S30)', () => {
  it('are kept outside the database before they are shown, and signed again only when there is more', async () => {
    const log = makeLog();
    await log.add(rowsOf(5));
    const first = await log.heads.current();
    expect(log.kept.kept).toEqual([first.note]);
    expect(openCheckpoint(first.note, [log.key.verifier])).toEqual({ origin: 'keyhold/test', size: 5, root: log.tree.root() });
    expect(await log.heads.current()).toBe(first);
    await log.add(rowsOf(1));
    expect((await Promise.all([log.heads.current(), log.heads.current()])).map(({ size }) => size)).toEqual([6, 6]);
    expect(log.kept.kept).toHaveLength(2);
  });

  it('are not shown when they cannot be kept', async () => {
    const log = makeLog();
    await log.add(rowsOf(1));
    log.kept.keep = async () => {
      throw new Error('disk full');
    };
    await expect(log.heads.current()).rejects.toThrow('disk full');
    log.kept.keep = async () => {};
    expect((await log.heads.current()).size).toBe(1);
  });

  it('let a start hash only what came after the last one, and prove with it all that came before', async () => {
    const log = makeLog();
    await log.add(rowsOf(700));
    await log.heads.current();
    await log.add(rowsOf(30));
    const read: number[] = [];
    const watched: AuditRepository = {
      ...delegating(log.repository),
      read: async (tree, index, limit) => {
        const rows = await log.repository.read(tree, index, limit);
        read.push(...rows.map((_, offset) => index + offset));
        return rows;
      },
    };
    const tree = await opened(log, watched);
    expect(read).toEqual(Array.from({ length: 30 }, (_, index) => 700 + index));
    expect(tree.root()).toEqual(log.tree.root());
  });

  it('refuse an older database, and one whose rows were changed', async () => {
    const log = makeLog();
    await log.add(rowsOf(20));
    const older = makeLog(log.key);
    for (const row of await log.repository.read(null, 0, 15)) await older.add([row]);
    await log.heads.current();
    const tooShort = await refusal(opened(log, older.repository));
    expect([tooShort.exitCode, tooShort.message]).toEqual([1, expect.stringContaining('it has 15 rows, and had 20')]);
    expect(tooShort.message).toContain('accept-restored');
    const changed = makeLog(log.key);
    await changed.add(rowsOf(25));
    expect(await refusal(opened(log, changed.repository))).toMatchObject({ exitCode: 1, message: expect.stringContaining('its first 20 rows were changed') });
  });

  it('refuse a kept head that somebody else has signed, or that is of a tenant\'s tree', async () => {
    const log = makeLog();
    await log.add(rowsOf(3));
    await log.heads.current();
    const stranger = SigningKey.fromSeed('keyhold/test', randomBytes(32));
    expect(await refusal(openKeptTree({ repository: log.repository, known: [stranger.verifier], heads: log.kept, log: silent }))).toMatchObject({ exitCode: 6 });
    expect(await openKeptTree({ repository: log.repository, known: [stranger.verifier, log.key.verifier], heads: log.kept, log: silent })).toMatchObject({ size: 3 });
    const heads = new MemoryHeads();
    await heads.keep((await log.heads.ofTenant('acme')).note);
    expect(await refusal(openKeptTree({ repository: log.repository, known: [log.key.verifier], heads, log: silent }))).toMatchObject({ exitCode: 6 });
  });

  it('say when there is none that an older database could not be told', async () => {
    const log = makeLog();
    const events: string[] = [];
    const open = () => openKeptTree({ repository: log.repository, known: [log.key.verifier], heads: new MemoryHeads(), log: { ...silent, warn: (event) => void events.push(event) } });
    await open();
    expect(events).toEqual([]);
    await log.add(rowsOf(9));
    expect((await open()).root()).toEqual(log.tree.root());
    expect(events).toEqual(['audit_head_missing']);
  });

  it('are signed no more, and no row is written, when the log becomes shorter while it runs', async () => {
    const log = makeLog();
    await log.add(rowsOf(8));
    const older = makeLog();
    await older.add(rowsOf(5));
    let current = log.repository;
    const swapped = delegating(log.repository, () => current);
    const tree = new LogTree(swapped);
    await tree.catchUp();
    const audit = createAuditLog({ repository: swapped, tree, clock: { now: () => 0, monotonic: () => 0 }, random: randomBytes, replica: 'r9', log: silent, metrics: { auditFailed() {} } as never, timing: { answerMs: 200 } });
    await audit.intent(put);
    current = older.repository;
    await expect(tree.catchUp()).rejects.toMatchObject({ code: 'corrupt' });
    await expect(audit.intent(put)).rejects.toMatchObject({ code: 'unavailable' });
    expect(await older.repository.size()).toBe(5);
    await audit.close();
  });
});

describe('tenants\' own trees (S30, R10.2)', () => {
  it('have heads and proofs that do not depend on the rows of others', async () => {
    const alone = makeLog();
    const among = makeLog(alone.key);
    const mine = Array.from({ length: 40 }, (_, index) => ({ id: `aud_mine${index}`, tenant: 'acme', nonce: '00'.repeat(16) }));
    const seen = async (log: TestLog) => {
      const { note } = await log.heads.ofTenant('acme');
      const { index, entry, hashes } = await log.proofs.inclusion('acme', 'aud_mine17');
      const { hashes: growth, to } = await log.proofs.consistency('acme', 13, undefined);
      return { note, index, entry, hashes, growth, to, entries: await log.proofs.entries('acme', 0, 1000) };
    };
    // The same rows, with the same random bytes, alone in their log and among those of others.
    for (const row of mine) await placeExactly(alone, row);
    for (const [at, row] of mine.entries()) {
      if (at % 3 === 0) await among.add(rowsOf(at % 7, 'beta'), 'r2');
      if (at % 5 === 0) await among.add(rowsOf(2, null), 'r2');
      await placeExactly(among, row);
    }
    expect(await seen(among)).toEqual(await seen(alone));
    const text = JSON.stringify(await seen(among));
    for (const word of ['counter', 'replica', 'previous', 'beta']) expect(text).not.toContain(word);
  });

  it('show a row to its own tenant alone', async () => {
    const log = makeLog();
    await log.add([{ tenant: 'acme' }, { tenant: 'beta' }, { tenant: null }]);
    await expect(log.proofs.inclusion('acme', 'aud_2')).rejects.toMatchObject({ code: 'not_found' });
    await expect(log.proofs.inclusion('acme', 'aud_3')).rejects.toMatchObject({ code: 'not_found' });
    await expect(log.proofs.inclusion(null, 'aud_9')).rejects.toMatchObject({ code: 'not_found' });
    expect((await log.proofs.inclusion(null, 'aud_2')).index).toBe(1);
    expect((await log.heads.ofTenant('nobody')).size).toBe(0);
  });
});

describe('proofs (S30)', () => {
  it('hold for every row and every pair of sizes of any log, the whole one\'s and each tenant\'s', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(randomRow, { minLength: 1, maxLength: 24 }), async (rows) => {
        const log = makeLog();
        for (const row of rows) await log.add([row]);
        for (const tree of [null, 'acme', 'beta', 'x']) {
          const { size, root, origin, note } = await log.proofs.head(tree);
          expect(openCheckpoint(note, [log.key.verifier])).toEqual({ origin, size, root });
          expect(origin).toBe(tree === null ? 'keyhold/test' : tenantOrigin('keyhold/test', tree));
          const roots = [];
          for (let to = 0; to <= size; to += 1) roots.push(await rootAt(log, tree, to));
          expect(roots.at(-1)).toEqual(root);
          const stored = await log.repository.read(tree, 0, 1000);
          for (const [index, { id }] of stored.entries()) {
            const { entry, hashes, ...found } = await log.proofs.inclusion(tree, id);
            expect(found.index).toBe(index);
            expect(provesInclusion({ leaf: leafHash(entry), index, size, root, proof: hashes })).toBe(true);
          }
          for (let from = 0; from <= size; from += 1) {
            for (let to = from; to <= size; to += 3) {
              const { hashes } = await log.proofs.consistency(tree, from, to);
              expect(provesConsistency({ first: from, firstRoot: roots[from] ?? root, second: to, secondRoot: roots[to] ?? root, proof: hashes })).toBe(true);
            }
          }
        }
      }),
      { numRuns: 15 },
    );
  });

  it('are refused for sizes that the tree never had', async () => {
    const log = makeLog();
    await log.add(rowsOf(4));
    for (const [from, to] of [[5, undefined], [3, 2], [0, 5]] as const) await expect(log.proofs.consistency(null, from, to)).rejects.toMatchObject({ code: 'invalid_argument' });
    expect((await log.proofs.consistency(null, 4, undefined)).hashes).toEqual([]);
  });

  it('are not given where the database no longer fits its own head', async () => {
    const log = makeLog();
    await log.add(rowsOf(10));
    const wrong = leafHash('wrong').toString('base64');
    const nodes: AuditRepository['nodes'] = async (tree, indexes) => new Map([...(await log.repository.nodes(tree, indexes))].map(([index, hashes]) => [index, index === 3 ? hashes.map(() => wrong) : hashes]));
    const damaged = makeLog(log.key);
    for (const row of await log.repository.read(null, 0, 1000)) await damaged.add([row]);
    damaged.repository.nodes = nodes;
    await expect(damaged.proofs.inclusion(null, 'aud_6')).rejects.toMatchObject({ code: 'corrupt' });
    damaged.repository.nodes = async () => new Map();
    await expect(damaged.proofs.inclusion(null, 'aud_6')).rejects.toMatchObject({ code: 'corrupt' });
    await expect(damaged.heads.ofTenant('acme')).rejects.toMatchObject({ code: 'corrupt' });
  });
});

async function rootAt(log: TestLog, tree: string | null, size: number): Promise<Buffer> {
  const range = new CompactRange();
  for (const entry of size === 0 ? [] : await log.proofs.entries(tree, 0, size)) range.push(leafHash(entry));
  return range.root();
}

/** With the random bytes that the row says. */
async function placeExactly(log: TestLog, row: { readonly id: string; readonly tenant: string; readonly nonce: string }): Promise<void> {
  await log.tree.catchUp();
  const prepared = await log.tree.prepare([{ ...base, ...row, intentId: row.id }]);
  await log.repository.append(prepared.position, prepared.leaves);
  log.tree.placed(prepared);
}

const base = {
  time: 1,
  phase: 'intent' as const,
  action: 'credential.put',
  actor: { kind: 'token' as const, id: 'a', role: 'tenant-admin' },
  resource: 'x',
  outcome: null,
  code: null,
  requestId: null,
  replica: 'r1',
  counter: 1,
  previous: '0'.repeat(64),
};

function delegating(first: AuditRepository, current: () => AuditRepository = () => first): AuditRepository {
  return {
    size: () => current().size(),
    append: (position, leaves) => current().append(position, leaves),
    list: (filter, page) => current().list(filter, page),
    read: (tree, index, limit) => current().read(tree, index, limit),
    nodes: (tree, indexes) => current().nodes(tree, indexes),
    tenantSize: (tenant, position) => current().tenantSize(tenant, position),
    find: (id) => current().find(id),
  };
}
