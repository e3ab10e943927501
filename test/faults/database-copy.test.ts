import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openCosmosStore } from '../../src/adapters/metadata-store/cosmos/open-cosmos.ts';
import { openPostgresStore } from '../../src/adapters/metadata-store/postgres/open-postgres.ts';
import { openSqliteStore } from '../../src/adapters/metadata-store/sqlite/open-sqlite.ts';
import { copyDatabase, type CopiedPart } from '../../src/core/database-copy/copy-database.ts';
import { requireWholeDatabase } from '../../src/core/database-copy/copy-mark.ts';
import { pagesOf } from '../../src/core/database-copy/copy-rows.ts';
import { type Row, rowKinds, type TransferableStore } from '../../src/ports/metadata/transfer.ts';
import { credentialKey, credentialRecord, usageEvent } from '../contract/metadata-store-records.ts';
import { auditRow } from '../contract/metadata-store-records.ts';
import { cosmosOptions } from '../support/cosmos-options.ts';
import { fillDatabase, placeRealRows } from '../support/filled-database.ts';
import { postgresOptions } from '../support/postgres-options.ts';
import { type CosmosServer, startCosmosServer } from '../support/servers/cosmos.ts';
import { startTcpProxy } from '../support/servers/tcp-proxy.ts';
import { describeWithPostgres, sharedPostgres } from '../support/servers/with-postgres.ts';

const clock = { now: () => Date.now(), monotonic: () => performance.now() };
const open: TransferableStore[] = [];
let folder: string;
let files = 0;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'keyhold-copy-'));
});
afterEach(async () => {
  for (const store of open.splice(0)) await store.close();
  rmSync(folder, { recursive: true });
});

async function kept(opening: Promise<TransferableStore>): Promise<TransferableStore> {
  const store = await opening;
  open.push(store);
  return store;
}

async function sqlite(): Promise<TransferableStore> {
  files += 1;
  return kept(openSqliteStore({ file: path.join(folder, `${files}.db`), clock }));
}

async function postgres(port = sharedPostgres().port): Promise<TransferableStore> {
  const { url } = await sharedPostgres().create();
  return kept(openPostgresStore(postgresOptions(url.replace(`:${sharedPostgres().port}/`, `:${port}/`))));
}

let server: CosmosServer;
beforeAll(async () => {
  server = await startCosmosServer();
});
afterAll(async () => server.close());

async function cosmos(): Promise<TransferableStore> {
  files += 1;
  return kept(openCosmosStore(cosmosOptions(server.endpoint, `copy-${files}`)));
}

/** Everything in a database, in one order for all of them. */
async function everything({ rows, audit }: TransferableStore): Promise<unknown> {
  const found: Record<string, unknown> = { audit: await audit.read(null, 0, 1000) };
  for (const kind of rowKinds) {
    const all: Row[] = [];
    for await (const page of pagesOf(rows, kind)) all.push(...page);
    found[kind] = all.toSorted((a, b) => (JSON.stringify(a.key) < JSON.stringify(b.key) ? -1 : 1));
  }
  return found;
}

async function copy(from: TransferableStore, to: TransferableStore, progress: (doing: string, part: CopiedPart, rows: number) => void = () => undefined) {
  return copyDatabase({ from, to, clock, progress });
}

async function copiesExactly(from: TransferableStore, to: TransferableStore): Promise<void> {
  await fillDatabase(from, 5);
  const report = await copy(from, to);
  expect(await everything(to)).toEqual(await everything(from));
  expect(report.find(({ part }) => part === 'audit-log')).toMatchObject({ rows: 10 });
  expect(report.find(({ part }) => part === 'credentials')).toMatchObject({ rows: 10 });
  await requireWholeDatabase(to.platform);
  await goesOn(to);
}

/** Revisions, indexes and the log are as if it had all been written there. */
async function goesOn(store: TransferableStore): Promise<void> {
  const removed = credentialKey('tenant-0', 'anthropic');
  expect(await store.credentials.get(removed)).toBeUndefined();
  expect((await store.credentials.create(removed, credentialRecord(removed))).revision).toBe(3);
  expect(await store.policies.get({ tenant: 'tenant-1' })).toMatchObject({ revision: 2 });
  const due = await store.credentialMaintenance.dueForReconciling(Number.MAX_SAFE_INTEGER, { limit: 10 });
  expect(due.items.map(({ scope }) => scope)).toEqual([credentialKey('tenant-1').scope]);
  expect(await store.usageSegments.unfinished()).toHaveLength(4);
  expect((await store.usage.listBatches('tenant-2', { from: 0, to: Number.MAX_SAFE_INTEGER }, { limit: 5 })).items).toHaveLength(1);
  expect((await store.audit.list({ tenant: 'tenant-1', from: 0 }, { limit: 10 })).items).toHaveLength(2);
  await placeRealRows(store.audit, [auditRow('after', { tenant: 'tenant-1' })]);
  expect(await store.audit.find('after')).toMatchObject({ position: 10, tenantIndex: 2 });
}

describe('R0.5 copying a database', () => {
  it('takes everything from SQLite to SQLite, byte for byte, and the log goes on', async () => copiesExactly(await sqlite(), await sqlite()));
  it('takes everything from SQLite to Cosmos DB', async () => copiesExactly(await sqlite(), await cosmos()));
  it('takes everything from Cosmos DB to SQLite', async () => copiesExactly(await cosmos(), await sqlite()));

  it('takes usage batches in the words in which they are kept, those of before too', async () => {
    const from = await sqlite();
    await fillDatabase(from, 1);
    const batch = { tenant: 'tenant-0', journal: 'before', segment: 1, events: [usageEvent('use_1', { tenant: 'tenant-0' }), usageEvent('use_2', { tenant: 'tenant-0' })] };
    await from.rows.put('usage-batches', [{ key: [batch.tenant, batch.journal, batch.segment], revision: 1, body: JSON.stringify(batch) }]);
    for (const to of [await cosmos(), await sqlite()]) {
      await copy(from, to);
      expect(await everything(to)).toEqual(await everything(from));
      expect((await to.usage.listBatches('tenant-0', { from: 0, to: Number.MAX_SAFE_INTEGER }, { limit: 5 })).items).toContainEqual(batch);
    }
  });

  it('is taken up again where it was interrupted, in each part, and until then nothing is started on the target', async () => {
    const from = await sqlite();
    await fillDatabase(from);
    for (const stop of ['tenants', 'credentials', 'usage-batches', 'audit-log'] as const) {
      const to = await sqlite();
      const interrupted = copy(from, to, (doing, part) => {
        if (doing === 'copied' && part === stop) throw new Error('the power is gone');
      });
      await expect(interrupted).rejects.toThrow('the power is gone');
      await expect(requireWholeDatabase(to.platform)).rejects.toThrow('not everything is there yet');
      await copy(from, to);
      expect(await everything(to)).toEqual(await everything(from));
    }
  });

  it('refuses a target that is not empty, another source in the middle, and one that was used since', async () => {
    const [from, to, other] = [await sqlite(), await sqlite(), await sqlite()];
    await expect(copy(from, to)).rejects.toThrow('nothing to copy');
    await fillDatabase(from);
    await fillDatabase(other);
    await expect(copy(from, other)).rejects.toThrow('is not empty');
    const stop = (): never => {
      throw new Error('stopped');
    };
    await expect(copy(from, to, stop)).rejects.toThrow('stopped');
    await expect(copy(to, await sqlite())).rejects.toThrow('nothing to copy');
    await other.platform.replace({ name: 'root' }, { name: 'root', rootId: 'root_2', commitment: 'c', createdAt: 1, wrappings: [] }, 1);
    await expect(copy(other, to)).rejects.toThrow('another Keyhold');
    await placeRealRows(from.audit, [auditRow('later')]);
    await expect(copy(from, to)).rejects.toThrow('was used since');
  });

  it('finds a difference, and says that the copy is not to be used', async () => {
    const [from, to] = [await sqlite(), await sqlite()];
    await fillDatabase(from);
    const meddled = copy(from, to, (doing, part) => {
      if (doing === 'copied' && part === 'audit-log') void to.tenants.remove({ tenant: 'tenant-1' }, 1);
    });
    await expect(meddled).rejects.toThrow('differ in tenants: both have 3 rows');
    await expect(requireWholeDatabase(to.platform)).rejects.toThrow();
  });
});

describeWithPostgres('R0.5 copying a database of a PostgreSQL server', () => {
  it('takes everything from SQLite to PostgreSQL', async () => copiesExactly(await sqlite(), await postgres()));
  it('takes everything from PostgreSQL to SQLite', async () => copiesExactly(await postgres(), await sqlite()));
  it('says how to go on where a database goes away in the middle, and goes on then', async () => {
    const proxy = await startTcpProxy(sharedPostgres().port);
    const [from, to] = [await sqlite(), await postgres(proxy.port)];
    await fillDatabase(from);
    proxy.break('drop-request', 'insert into "gateway_keys"');
    await expect(copy(from, to)).rejects.toMatchObject({ exitCode: 1, message: expect.stringContaining('Run the same command again') });
    proxy.heal();
    await copy(from, to);
    expect(await everything(to)).toEqual(await everything(from));
    await proxy.close();
  });

  it('of two copies into one database at once at most one ends well, and the other says why it did not', async () => {
    const [from, to] = [await sqlite(), await postgres()];
    await fillDatabase(from);
    const results = await Promise.allSettled([copy(from, to), copy(from, to)]);
    for (const result of results) if (result.status === 'rejected') expect(result.reason).toMatchObject({ exitCode: 1, message: expect.stringMatching(/another copy|is not empty/u) });
    if (results.every(({ status }) => status === 'rejected')) await copy(from, to);
    expect(await everything(to)).toEqual(await everything(from));
    await requireWholeDatabase(to.platform);
  });

  it('takes everything from PostgreSQL to Cosmos DB', async () => copiesExactly(await postgres(), await cosmos()));
});
