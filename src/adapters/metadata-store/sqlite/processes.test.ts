import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { atOnce } from '../../../../test/support/at-once.ts';
import { allMigrations } from './migrations/all-migrations.ts';
import { openSqliteStore } from './open-sqlite.ts';

const PROCESSES = 3;
const NAMES = 60;
const ADDED = 40;
const EMPTY = 4;

/** Opens databases that are not there yet together with the others; then tries to make every one of the names, and adds to one record by compare-and-set. Says which names it made. */
const script = `
  const [, module, folder, names, added, empty, own] = process.argv;
  const { openSqliteStore } = await import(module);
  const open = (name) => openSqliteStore({ file: folder + '/' + name, clock: { now: () => Date.now(), monotonic: () => performance.now() } });
  for (let index = 0; index < Number(empty); index += 1) {
    await together();
    const store = await open('empty-' + index);
    await store.ping();
    await store.close();
  }
  await together();
  const store = await open('keyhold.db');
  const made = [];
  const create = async (tenant, record) => {
    try {
      await store.tenants.create({ tenant }, record);
      return true;
    } catch (error) {
      if (error.code !== 'already_exists') throw error;
      return false;
    }
  };
  const add = async () => {
    for (;;) {
      const { record, revision } = await store.tenants.get({ tenant: 'sum' });
      try {
        return await store.tenants.replace({ tenant: 'sum' }, { ...record, sum: record.sum + 1 }, revision);
      } catch (error) {
        if (error.code !== 'conflict') throw error;
      }
    }
  };
  await create('sum', { id: 'sum', sum: 0 });
  await Promise.all([
    ...Array.from({ length: Number(names) }, async (_, index) => {
      if (await create('name-' + index, { id: 'p' + own })) made.push(index);
    }),
    ...Array.from({ length: 4 }, async () => {
      for (let index = 0; index < Number(added) / 4; index += 1) await add();
    }),
  ]);
  await store.close();
  say(made);
`;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'keyhold-processes-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

it('R5.7: several processes that open an empty database at once make its tables, and each record, once, and lose no change of one', async () => {
  const made = (await atOnce(PROCESSES, script, [new URL('./open-sqlite.ts', import.meta.url).href, folder, String(NAMES), String(ADDED), String(EMPTY)])) as readonly (readonly number[])[];
  expect(made.flat().toSorted((a, b) => a - b)).toEqual(Array.from({ length: NAMES }, (_, index) => index));
  const store = await openSqliteStore({ file: join(folder, 'keyhold.db'), clock: { now: () => Date.now(), monotonic: () => performance.now() } });
  for (const [own, indexes] of made.entries()) for (const index of indexes) expect((await store.tenants.get({ tenant: `name-${index}` }))?.record).toEqual({ id: `p${own}` });
  expect(await store.tenants.get({ tenant: 'sum' })).toMatchObject({ record: { sum: PROCESSES * ADDED }, revision: 1 + PROCESSES * ADDED });
  await store.close();
  for (const name of ['keyhold.db', ...Array.from({ length: EMPTY }, (_, index) => `empty-${index}`)]) {
    const database = new DatabaseSync(join(folder, name));
    expect(database.prepare('SELECT version FROM schema ORDER BY version').all().map(({ version }) => version)).toEqual(allMigrations.map(({ version }) => version));
    expect(database.prepare('PRAGMA integrity_check').get()).toEqual({ integrity_check: 'ok' });
    database.close();
  }
});
