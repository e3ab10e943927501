import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { mountSmallDisk } from '../../../../test/support/small-disk.ts';
import { KeyholdError } from '../../../ports/errors.ts';
import type { MetadataStore } from '../../../ports/metadata-store.ts';
import { isDiskFull, StartError } from '../../../ports/start-error.ts';
import { allMigrations } from './migrations/all-migrations.ts';
import { openSqliteStore } from './open-sqlite.ts';

const clock = { now: () => 1_700_000_000_000, monotonic: () => performance.now() };
const policy = {
  platformFallback: true,
  explicitKeys: true,
  defaultProvider: null,
  defaultModels: {},
  adoptOutsideChanges: false,
  validateOnAdd: false,
  unpricedModels: 'allow',
} as const;

let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'keyhold-open-'));
  file = join(folder, 'keyhold.db');
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

function open(path = file): Promise<MetadataStore> {
  return openSqliteStore({ file: path, clock });
}

async function refusal(path = file): Promise<StartError> {
  const error: unknown = await open(path).then(
    async (store) => store.close(),
    (reason: unknown) => reason,
  );
  if (error instanceof StartError) return error;
  throw new Error('it was opened', { cause: error });
}

describe('S16: wiping', () => {
  it('leaves nothing of what was removed in the log, and is refused, not as if done, while another program reads', async () => {
    const store = await open();
    const kept = await store.dataKeys.create({ scope: { kind: 'tenant', tenant: 'acme' }, id: 'dk_1' }, { wrapped: 'test-wrapped-key-that-is-to-go', rootId: 'root_test', createdAt: 1 });
    await store.dataKeys.remove({ scope: { kind: 'tenant', tenant: 'acme' }, id: 'dk_1' }, kept.revision);
    const left = (): readonly string[] => readdirSync(folder).filter((name) => readFileSync(join(folder, name), 'latin1').includes('test-wrapped-key'));
    expect(left()).toContain('keyhold.db-wal');
    const other = new DatabaseSync(file, { readOnly: true });
    other.exec('BEGIN; SELECT * FROM tenants');
    await expect(store.wipe()).rejects.toThrow(expect.objectContaining({ code: 'unavailable' }));
    other.close();
    await store.wipe();
    expect(left()).toEqual([]);
    await store.close();
  });
});

describe('openSqliteStore', () => {
  it('keeps the file and what SQLite puts beside it to its owner, whatever the umask', async () => {
    const before = process.umask(0);
    try {
      const store = await open();
      await store.policies.create({ tenant: 'acme' }, policy);
      const names = readdirSync(folder);
      expect(names.sort()).toEqual(['keyhold.db', 'keyhold.db-shm', 'keyhold.db-wal']);
      for (const name of names) expect(statSync(join(folder, name)).mode & 0o777).toBe(0o600);
      await store.close();
      expect(readdirSync(folder)).toEqual(['keyhold.db']);
      chmodSync(file, 0o644);
      await (await open()).close();
      expect(statSync(file).mode & 0o777).toBe(0o600);
    } finally {
      process.umask(before);
    }
  });

  it('R0.2: answers a ping with unavailable while its file is gone or another one, and with nothing else otherwise', async () => {
    const store = await open();
    try {
      await store.ping();
      const away = join(folder, 'away.db');
      renameSync(file, away);
      await expect(store.ping()).rejects.toMatchObject({ code: 'unavailable' });
      writeFileSync(file, '');
      await expect(store.ping()).rejects.toMatchObject({ code: 'unavailable' });
      renameSync(away, file);
      await store.ping();
    } finally {
      await store.close();
    }
  });

  it('R0.1: exits 7 for a database of a newer version, names both, and does not touch it', async () => {
    await (await open()).close();
    const database = new DatabaseSync(file);
    database.exec("INSERT INTO schema (version, name, applied_at) VALUES (41, 'from the future', 1)");
    database.close();
    const before = readFileSync(file);
    const error = await refusal();
    expect(error.exitCode).toBe(7);
    expect(error.message).toContain('version 41');
    expect(error.message).toContain(`up to ${allMigrations.length}`);
    expect(error.message).toContain('backup');
    expect(readFileSync(file).equals(before)).toBe(true);
  });

  it('R0.1: exits 1 for a damaged file and for the database of another program, and changes neither', async () => {
    writeFileSync(file, 'this is no database, but long enough to look like one '.repeat(100), { mode: 0o600 });
    expect(await refusal()).toMatchObject({ exitCode: 1, message: expect.stringContaining('damaged') });
    const other = join(folder, 'other.db');
    const database = new DatabaseSync(other);
    database.exec('CREATE TABLE recipes (name TEXT)');
    database.close();
    const before = readFileSync(other);
    expect(await refusal(other)).toMatchObject({ exitCode: 1, message: expect.stringContaining('another program') });
    expect(readFileSync(other).equals(before)).toBe(true);
  });

  it('R0.1: exits 4 for a file that cannot be made or opened', async () => {
    mkdirSync(join(folder, 'folder.db'));
    expect(await refusal(join(folder, 'folder.db'))).toMatchObject({ exitCode: 4 });
    expect(await refusal(join(folder, 'nowhere/keyhold.db'))).toMatchObject({ exitCode: 4, message: expect.stringContaining('write access') });
  });

  it('exits 5 for a database that another program holds for itself', async () => {
    await (await open()).close();
    const other = new DatabaseSync(file);
    other.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
    expect(await refusal()).toMatchObject({ exitCode: 5 });
    other.close();
    await (await open()).close();
  });

  it('R0.1: exits 8 on a full disk, new database or old', async ({ skip }) => {
    const disk = mountSmallDisk();
    if (disk === undefined) {
      skip('no right to mount a small disk');
      return;
    }
    try {
      const path = join(disk.folder, 'keyhold.db');
      disk.fill();
      expect(await refusal(path)).toMatchObject({ exitCode: 8, message: expect.stringContaining('full') });
      disk.free();
      await (await open(path)).close();
      disk.fill();
      expect(await refusal(path)).toMatchObject({ exitCode: 8 });
      disk.free();
      await (await open(path)).close();
    } finally {
      disk.remove();
    }
  });

  it('a disk that fills up makes writes unavailable, keeps what was written, and heals', async ({ skip }) => {
    const disk = mountSmallDisk();
    if (disk === undefined) {
      skip('no right to mount a small disk');
      return;
    }
    try {
      const store = await open(join(disk.folder, 'keyhold.db'));
      await store.policies.create({ tenant: 'before' }, policy);
      disk.fill();
      const big = { ...policy, defaultModels: { openai: 'x'.repeat(200_000) } };
      const error: unknown = await store.policies.create({ tenant: 'too big' }, big).catch((reason: unknown) => reason);
      expect(error).toMatchObject({ code: 'unavailable' });
      expect(isDiskFull(error)).toBe(true);
      expect((await store.policies.get({ tenant: 'before' }))?.record).toEqual(policy);
      expect(await store.policies.get({ tenant: 'too big' })).toBeUndefined();
      disk.free();
      await store.policies.create({ tenant: 'too big' }, big);
      expect((await store.policies.get({ tenant: 'too big' }))?.record).toEqual(big);
      await store.close();
    } finally {
      disk.remove();
    }
  });

  it('makes everything unavailable, clearly, when its thread dies', async () => {
    const started = Promise.withResolvers<Worker>();
    process.once('worker', started.resolve);
    const store = await open();
    await store.policies.create({ tenant: 'acme' }, policy);
    const worker = await started.promise;
    const open_ = Array.from({ length: 50 }, (_, index) => store.policies.create({ tenant: `t${index}` }, policy));
    const ended = worker.terminate();
    for (const result of await Promise.allSettled(open_)) {
      if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'unavailable' });
    }
    await ended;
    await expect(store.ping()).rejects.toMatchObject({ code: 'unavailable', message: expect.stringContaining('Restart Keyhold') });
    await store.close();
    const again = await open();
    expect((await again.policies.get({ tenant: 'acme' }))?.record).toEqual(policy);
    await again.close();
  });

  it('finishes what was asked before close, and refuses what comes after it', async () => {
    const store = await open();
    const writes = Array.from({ length: 3000 }, (_, index) => store.policies.create({ tenant: `t${index}` }, policy));
    const closed = store.close();
    await expect(store.policies.get({ tenant: 't1' })).rejects.toMatchObject({ code: 'unavailable' });
    await expect(Promise.all(writes)).resolves.toHaveLength(3000);
    await closed;
    await store.close();
    await expect(store.ping()).rejects.toMatchObject({ code: 'unavailable' });
    const again = await open();
    expect(await again.policies.get({ tenant: 't2999' })).toBeDefined();
    await again.close();
  });

  it('S34: refuses more than it can ever answer, and answers the rest', async () => {
    const store = await open();
    const results = await Promise.allSettled(Array.from({ length: 30_000 }, () => store.ping()));
    const refused = results.filter((result) => result.status === 'rejected');
    expect(refused.length).toBeGreaterThan(0);
    // One expectation for all: thousands of them take longer than what they are about.
    const ways = new Set(refused.map(({ reason }) => (reason instanceof KeyholdError ? `${reason.code}, ${reason.outage}, again after ${reason.retryAfterSeconds} s` : String(reason))));
    expect([...ways]).toEqual(['unavailable, busy, again after 1 s']);
    expect(results.length - refused.length).toBeGreaterThanOrEqual(20_000);
    await store.ping();
    await store.close();
  });
});
