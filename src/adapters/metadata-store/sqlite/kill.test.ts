import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import { openSqliteStore } from './open-sqlite.ts';

const clock = { now: () => Date.now(), monotonic: () => performance.now() };

/** Writes as fast as it can, from several writers at once, and says each name after the store did. */
const script = `
  const { openSqliteStore } = await import(process.argv[1]);
  const store = await openSqliteStore({ file: process.argv[2], clock: { now: () => Date.now(), monotonic: () => performance.now() } });
  const writer = async (name) => {
    for (let index = 0; ; index += 1) {
      const tenant = name + '-' + index;
      const created = await store.tenants.create({ tenant }, { id: tenant, index });
      await store.tenants.replace({ tenant }, { id: tenant, index, replaced: true }, created.revision);
      process.stdout.write(tenant + '\\n');
    }
  };
  await Promise.all(Array.from({ length: 8 }, (_, index) => writer(process.argv[3] + index)));
`;

describe('kill -9', () => {
  it('keeps every acknowledged write, and leaves a sound file', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'keyhold-kill-'));
    const file = join(folder, 'keyhold.db');
    try {
      for (const [round, delay] of [30, 80, 150].entries()) {
        const child = spawn(process.execPath, ['--input-type=module', '-e', script, new URL('./open-sqlite.ts', import.meta.url).href, file, `r${round}-`], {
          stdio: ['ignore', 'pipe', 'inherit'],
        });
        let said = '';
        child.stdout.on('data', (chunk: Buffer) => {
          if (said === '') setTimeout(() => child.kill('SIGKILL'), delay);
          said += chunk.toString();
        });
        await once(child, 'close');
        const names = said.split('\n').slice(0, -1);
        expect(names.length).toBeGreaterThan(0);
        const store = await openSqliteStore({ file, clock });
        for (const tenant of names) {
          expect(await store.tenants.get({ tenant })).toMatchObject({ revision: 2, record: { id: tenant, replaced: true } });
        }
        await store.close();
      }
      const database = new DatabaseSync(file);
      expect(database.prepare('PRAGMA integrity_check').get()).toEqual({ integrity_check: 'ok' });
      database.close();
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
