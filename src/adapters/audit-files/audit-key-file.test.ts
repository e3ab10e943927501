import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SecretValue } from '../../ports/secret-value.ts';
import { auditKeyFile } from './audit-key-file.ts';
import { headFile } from './head-file.ts';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'keyhold-audit-key-'));
  file = join(folder, 'keyhold.key.audit');
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('the file of the audit log\'s key (S15, S30)', () => {
  it('is made once, for its owner alone', async () => {
    const keys = auditKeyFile(file, randomBytes);
    expect(await keys.read()).toBeUndefined();
    const made = await Promise.all([keys.create(new SecretValue('one\n')), keys.create(new SecretValue('two\n'))]);
    expect(made.toSorted()).toEqual([false, true]);
    expect((await keys.read())?.reveal()).toBe(made[0] ? 'one\n' : 'two\n');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder)).toEqual(['keyhold.key.audit']);
  });

  it('is refused open to others, behind a link, and in a folder that is not there', async () => {
    const keys = auditKeyFile(file, randomBytes);
    writeFileSync(file, 'sk-test-never-quoted\n');
    chmodSync(file, 0o640);
    await expect(keys.read()).rejects.toMatchObject({ exitCode: 6, message: expect.not.stringContaining('never-quoted') });
    rmSync(file);
    symlinkSync(join(folder, 'elsewhere'), file);
    await expect(keys.read()).rejects.toMatchObject({ exitCode: 6 });
    await expect(auditKeyFile(join(folder, 'no/where'), randomBytes).create(new SecretValue('x'))).rejects.toMatchObject({ exitCode: 4 });
  });

  it('has the next key beside it, which takes its place in one step or goes', async () => {
    const keys = auditKeyFile(file, randomBytes);
    await keys.create(new SecretValue('one\n'));
    expect(await keys.readNext()).toBeUndefined();
    await keys.putNext(new SecretValue('first try\n'));
    await keys.putNext(new SecretValue('two\n'));
    expect(statSync(`${file}.next`).mode & 0o777).toBe(0o600);
    expect((await keys.read())?.reveal()).toBe('one\n');
    await keys.useNext();
    expect((await keys.read())?.reveal()).toBe('two\n');
    expect(await keys.readNext()).toBeUndefined();
    await keys.putNext(new SecretValue('three\n'));
    await keys.dropNext();
    await keys.dropNext();
    expect(existsSync(`${file}.next`)).toBe(false);
    expect(readdirSync(folder)).toEqual(['keyhold.key.audit']);
  });
});

describe('the file of the last head (S30)', () => {
  it('is replaced as a whole', async () => {
    const heads = headFile(join(folder, 'audit-head'), randomBytes);
    expect(await heads.last()).toBeUndefined();
    await heads.keep('first\n');
    await heads.keep('second\n');
    expect(await heads.last()).toBe('second\n');
    expect(readFileSync(heads.place, 'utf8')).toBe('second\n');
    expect(statSync(heads.place).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder)).toEqual(['audit-head']);
  });
});
