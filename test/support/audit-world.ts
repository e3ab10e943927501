import { randomBytes } from 'node:crypto';
import { expect } from 'vitest';
import { createMemoryStore } from '../../src/adapters/metadata-store/memory/memory-store.ts';
import type { Actor } from '../../src/core/access/actor.ts';
import type { AuditEntry } from '../../src/core/audit/audit-log.ts';
import { AuditTrees } from '../../src/core/audit/audit-trees.ts';
import { type AuditTiming, createAuditLog } from '../../src/core/audit/audit-writer.ts';
import { noPreviousRow, rowHash } from '../../src/core/audit/canonical-row.ts';
import { LogTree } from '../../src/core/audit/log-tree.ts';
import { storedRange } from '../../src/core/audit/stored-nodes.ts';
import type { AuditJournal } from '../../src/ports/audit-journal.ts';
import { KeyholdError } from '../../src/ports/errors.ts';
import type { Log } from '../../src/ports/log.ts';
import type { AuditFilter, AuditLeaf, AuditRepository, AuditRow, AuditTreeName, PlacedAuditRow } from '../../src/ports/metadata/audit.ts';
import type { Page, PageRequest } from '../../src/ports/metadata/stored.ts';
import type { Metrics } from '../../src/ports/metrics.ts';
import { tenantScope } from '../../src/ports/scope.ts';

export type Fault = 'refuse' | 'lose-answer' | 'land-late' | 'never-answer';

/** The memory repository behind a line that fails as it is told to, call by call. */
class FaultyAudit implements AuditRepository {
  readonly inner = createMemoryStore().audit;
  readonly appended: number[] = [];
  appendFaults: (Fault | null)[] = [];
  sizeFaults: (true | null)[] = [];
  down = false;
  /** What another replica places just before the next appends. */
  rivals: AuditRow[] = [];

  async size(): Promise<number> {
    if (this.down || this.sizeFaults.shift() === true) throw new KeyholdError('unavailable', 'database down');
    return this.inner.size();
  }

  async append(position: number, rows: readonly AuditLeaf[]): Promise<void> {
    if (this.down) throw new KeyholdError('unavailable', 'database down');
    const rival = this.rivals.shift();
    if (rival !== undefined) {
      const rivalTree = new LogTree(this.inner);
      await rivalTree.catchUp();
      const prepared = await rivalTree.prepare([rival]);
      await this.inner.append(prepared.position, prepared.leaves);
    }
    const fault = this.appendFaults.shift() ?? null;
    if (fault === 'refuse') throw new KeyholdError('unavailable', 'disk full');
    if (fault === 'land-late') {
      setTimeout(() => {
        this.inner.append(position, rows).catch(() => {});
      }, 3);
      throw new KeyholdError('unavailable', 'connection lost');
    }
    await this.inner.append(position, rows);
    this.appended.push(rows.length);
    if (fault === 'lose-answer') throw new KeyholdError('unavailable', 'connection lost');
    if (fault === 'never-answer') await new Promise<never>(() => {});
  }

  async list(filter: AuditFilter, page: PageRequest): Promise<Page<AuditRow & { readonly position: number }>> {
    if (this.down) throw new KeyholdError('unavailable', 'database down');
    return this.inner.list(filter, page);
  }

  async read(tree: AuditTreeName, index: number, limit: number): Promise<readonly AuditRow[]> {
    if (this.down) throw new KeyholdError('unavailable', 'database down');
    return this.inner.read(tree, index, limit);
  }

  async nodes(tree: AuditTreeName, indexes: readonly number[]): Promise<ReadonlyMap<number, readonly string[]>> {
    if (this.down) throw new KeyholdError('unavailable', 'database down');
    return this.inner.nodes(tree, indexes);
  }

  async tenantSize(tenant: string, position: number): Promise<number> {
    if (this.down) throw new KeyholdError('unavailable', 'database down');
    return this.inner.tenantSize(tenant, position);
  }

  async find(id: string): Promise<PlacedAuditRow | undefined> {
    if (this.down) throw new KeyholdError('unavailable', 'database down');
    return this.inner.find(id);
  }

  /** Oldest first. */
  async rows(): Promise<AuditRow[]> {
    const { items } = await this.inner.list({}, { limit: 1000 });
    return [...items].reverse();
  }
}

export const admin: Actor = { kind: 'token', id: '0123456789abcdef', role: 'tenant-admin', scope: tenantScope('acme') };
export const put: AuditEntry = { actor: admin, action: 'credential.put', resource: { scope: tenantScope('acme'), service: 'openai', label: 'default' }, requestId: 'req-1' };

export function setup({ timing, replica = 'r1', journal }: { timing?: Partial<AuditTiming>; replica?: string; journal?: AuditJournal } = {}) {
  const repository = new FaultyAudit();
  const events: string[] = [];
  let failures = 0;
  const note = (event: string): void => {
    events.push(event);
  };
  const log: Log = { debug: note, info: note, warn: note, error: note };
  const metrics = { auditFailed: () => (failures += 1) } as Partial<Metrics> as Metrics;
  const clock = { now: () => Date.now(), monotonic: () => performance.now() };
  const create = (name = replica, kept = journal) => createAuditLog({ repository, ...(kept === undefined ? {} : { journal: kept }), clock, random: randomBytes, replica: name, log, metrics, timing: { answerMs: 200, retryMs: 5, ...timing } });
  return { repository, events, create, audit: create(), failures: () => failures };
}

export async function until(what: () => Promise<boolean> | boolean): Promise<void> {
  for (let i = 0; i < 2_000; i += 1) {
    if (await what()) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error('did not come true in 10 s');
}

export function expectChains(rows: readonly AuditRow[]): void {
  expect(new Set(rows.map(({ id }) => id)).size).toBe(rows.length);
  const replicas = new Set(rows.map(({ replica }) => replica));
  for (const replica of replicas) {
    let previous = noPreviousRow;
    let counter = 0;
    for (const row of rows.filter((candidate) => candidate.replica === replica)) {
      expect(row.previous).toBe(previous);
      expect(row.counter).toBe((counter += 1));
      expect(row.nonce).toMatch(/^[0-9a-f]{32}$/u);
      previous = rowHash(row);
    }
  }
}

/** The nodes in the database are those of the trees over its rows, whoever placed them in whatever order. */
export async function expectTrees(repository: AuditRepository): Promise<void> {
  const size = await repository.size();
  const rows = [];
  while (rows.length < size) rows.push(...(await repository.read(null, rows.length, 1000)));
  const trees = new AuditTrees();
  for (const row of rows) trees.place(row);
  expect((await storedRange(repository, null, size)).root()).toEqual(trees.log.root());
  for (const tenant of new Set(rows.flatMap((row) => (row.tenant === null ? [] : [row.tenant])))) {
    const found = await storedRange(repository, tenant, await repository.tenantSize(tenant, size));
    expect([tenant, found.size, found.root()]).toEqual([tenant, trees.tenant(tenant).size, trees.tenant(tenant).root()]);
  }
}
