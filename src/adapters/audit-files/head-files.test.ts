import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SigningKey } from '../../core/audit/notes/signing-key.ts';
import { signCheckpoint } from '../../core/audit/notes/checkpoint.ts';
import { headFiles } from './head-files.ts';

const key = SigningKey.fromSeed('keyhold/test', Buffer.alloc(32, 7));
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'keyhold-heads-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

const note = (size: number) => signCheckpoint({ origin: 'keyhold/test', size, root: Buffer.alloc(32, size) }, key);
const file = (number: number) => join(folder, `audit-head.${number}`);
const all = () => [1, 2, 3].map(file).filter((path) => existsSync(path));
const heads = (number: number, keepsAlone = false) => headFiles({ own: file(number), all, random: randomBytes, keepsAlone });

describe('the last heads of processes that share a data folder (S30)', () => {
  it('a start goes on from the newest, whoever has kept it, and each keeps its own', async () => {
    expect(await heads(1).last()).toBeUndefined();
    await heads(1).keep(note(5));
    await heads(2).keep(note(9));
    await heads(3).keep(note(7));
    const third = heads(3);
    expect([await third.last(), third.place]).toEqual([note(9), file(2)]);
    await heads(1).keep(note(10));
    expect(await heads(3).last()).toBe(note(10));
    expect(await heads(1).last()).toBe(note(10));
  });

  it('one that was changed is not passed over', async () => {
    await heads(1).keep(note(5));
    await heads(2).keep(note(9));
    writeFileSync(file(2), 'nonsense', { mode: 0o600 });
    const first = heads(1);
    expect([await first.last(), first.place]).toEqual(['nonsense', file(2)]);
  });

  it('a log that goes on under another key, or from a restored database, leaves none of before', async () => {
    for (const number of [1, 2, 3]) await heads(number).keep(note(9));
    await heads(1, true).keep(note(4));
    expect(all()).toEqual([file(1)]);
    expect(await heads(2).last()).toBe(note(4));
  });
});
