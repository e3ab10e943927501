import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openSqliteStore } from './open-sqlite.ts';

const PROCESSES = 3;
const NAMES = 60;
const ADDED = 40;

/** Tries to make every one of the names, and adds to one record by compare-and-set; says in the end which names it made. */
const script = `
  const { openSqliteStore } = await import(process.argv[1]);
  const store = await openSqliteStore({ file: process.argv[2], clock: { now: () => Date.now(), monotonic: () => performance.now() } });
  const [, , , own, names, added] = process.argv;
  const made = [];
  const create = async (index) => {
    try {
      await store.tenants.create({ tenant: 'name-' + index }, { id: own });
      made.push(index);
    } catch (error) {
      if (error.code !== 'already_exists') throw error;
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
  await Promise.all([
    ...Array.from({ length: Number(names) }, (_, index) => create(index)),
    ...Array.from({ length: 4 }, async () => {
      for (let index = 0; index < Number(added) / 4; index += 1) await add();
    }),
  ]);
  await store.close();
  process.stdout.write(JSON.stringify(made));
`;

it('R5.7: several processes at once make each record once and lose no change of one', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'keyhold-processes-'));
  const file = join(folder, 'keyhold.db');
  const store = await openSqliteStore({ file, clock: { now: () => Date.now(), monotonic: () => performance.now() } });
  try {
    await store.tenants.create({ tenant: 'sum' }, Object.assign({ id: 'sum' }, { sum: 0 }) as never);
    const made = await Promise.all(
      Array.from({ length: PROCESSES }, async (_, own) => {
        const child = spawn(process.execPath, ['--input-type=module', '-e', script, new URL('./open-sqlite.ts', import.meta.url).href, file, `p${own}`, String(NAMES), String(ADDED)], { stdio: ['ignore', 'pipe', 'inherit'] });
        let said = '';
        child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
        expect((await once(child, 'close'))[0]).toBe(0);
        return JSON.parse(said) as number[];
      }),
    );
    expect(made.flat().toSorted((a, b) => a - b)).toEqual(Array.from({ length: NAMES }, (_, index) => index));
    for (const [own, indexes] of made.entries()) for (const index of indexes) expect((await store.tenants.get({ tenant: `name-${index}` }))?.record).toEqual({ id: `p${own}` });
    expect(await store.tenants.get({ tenant: 'sum' })).toMatchObject({ record: { sum: PROCESSES * ADDED }, revision: 1 + PROCESSES * ADDED });
  } finally {
    await store.close();
    rmSync(folder, { recursive: true });
  }
});
