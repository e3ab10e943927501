import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, chown, lstat, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { mountSmallDisk } from '../../../test/support/small-disk.ts';
import type { KeyWrapper } from '../../ports/key-wrapper.ts';
import { openKeyFile } from './key-file.ts';
import { rootPinFile } from './root-pin-file.ts';

const context = Buffer.from('context');
const root = Buffer.alloc(32, 9);
const commitment = '0123456789abcdef'.repeat(4);
const asRoot = process.geteuid?.() === 0;

let folder: string;
let file: string;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'keyhold-key-file-'));
  file = path.join(folder, 'keyhold.key');
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

function open(mayCreate = false): Promise<KeyWrapper> {
  return openKeyFile({ file, mayCreate, random: randomBytes });
}

function refusal(exitCode: number, ...parts: readonly string[]): unknown {
  return expect.objectContaining({ name: 'StartError', exitCode, message: expect.toSatisfy((message: string) => parts.every((part) => message.includes(part))) });
}

async function modeOf(name: string): Promise<number> {
  return (await stat(name)).mode & 0o777;
}

describe('R0.1: the key file', () => {
  it('is made on the first start: 32 bytes as base64 in one line, 0600, nothing else beside it', async () => {
    const before = process.umask(0o777);
    try {
      await open(true);
    } finally {
      process.umask(before);
    }
    const text = await readFile(file, 'utf8');
    expect(text).toMatch(/^[A-Za-z0-9+/]{43}=\n$/);
    expect(Buffer.from(text, 'base64')).toHaveLength(32);
    expect(await modeOf(file)).toBe(0o600);
    expect(await readdir(folder)).toEqual(['keyhold.key']);
  });

  it('is found by the second start and left as it is', async () => {
    const first = await open(true);
    const text = await readFile(file, 'utf8');
    const wrapped = await first.wrap(root, context);
    const second = await open(true);
    expect((await second.unwrap(wrapped, context)).equals(root)).toBe(true);
    expect(await readFile(file, 'utf8')).toBe(text);
  });

  it('is one file for two that start together', async () => {
    const wrappers = await Promise.all(Array.from({ length: 8 }, () => open(true)));
    const wrapped = await wrappers[0]!.wrap(root, context);
    for (const wrapper of wrappers) expect((await wrapper.unwrap(wrapped, context)).equals(root)).toBe(true);
    expect(await readdir(folder)).toEqual(['keyhold.key']);
  });

  it('may be what `openssl rand -base64 32` prints, with or without the newline', async () => {
    const line = randomBytes(32).toString('base64');
    await writeFile(file, `${line}\n`, { mode: 0o600 });
    const wrapped = await (await open()).wrap(root, context);
    await writeFile(file, line);
    expect((await (await open()).unwrap(wrapped, context)).equals(root)).toBe(true);
  });

  it('S15: is never made anew when a database exists', async () => {
    await expect(open(false)).rejects.toThrow(refusal(6, file, 'is missing', 'would lose every kept key', 'backup', 'KEYHOLD_KEY_FILE'));
    expect(await readdir(folder)).toEqual([]);
  });

  it('S15: is not made anew when the root commitment beside it says that there was one', async () => {
    await open(true);
    await rootPinFile(file, randomBytes).write(commitment);
    await rm(file);
    await expect(open(true)).rejects.toThrow(refusal(6, 'is missing', `${file}.root`, 'backup'));
    expect(await readdir(folder)).toEqual(['keyhold.key.root']);
  });

  it('S15: is refused while group or others may use it, with the command that closes it', async () => {
    await open(true);
    for (const mode of [0o640, 0o604, 0o660, 0o601, 0o777]) {
      await chmod(file, mode);
      await expect(open()).rejects.toThrow(refusal(6, `chmod 600 '${file}'`, `0${mode.toString(8)}`));
    }
    await chmod(file, 0o400);
    await open();
  });

  it('S15: is refused as a symbolic link, even to a good one', async () => {
    await open(true);
    await rename(file, `${file}.real`);
    await symlink(`${file}.real`, file);
    await expect(open(true)).rejects.toThrow(refusal(6, 'symbolic link'));
    await rm(`${file}.real`);
    await expect(open(true)).rejects.toThrow(refusal(6, 'symbolic link'));
    expect((await lstat(file)).isSymbolicLink()).toBe(true);
  });

  it('is refused as a folder or a pipe, without waiting for it', async () => {
    await mkdir(file, { mode: 0o700 });
    await expect(open(true)).rejects.toThrow(refusal(6, 'not a plain file'));
    await rm(file, { recursive: true });
    execFileSync('/usr/bin/mkfifo', ['-m', '600', file]);
    await expect(open(true)).rejects.toThrow(refusal(6, 'not a plain file'));
  });

  it('S15: is refused when it belongs to somebody else', async () => {
    // Root can give a file away; everybody else finds one that is root's.
    if (asRoot) {
      await open(true);
      await chown(file, 12_345, 12_345);
    } else file = '/etc/passwd';
    await expect(open()).rejects.toThrow(refusal(6, asRoot ? 'belongs to user 12345' : 'belongs to user 0', 'chown'));
  });

  it('is refused with any other content, in words that never quote it', async () => {
    const good = Buffer.alloc(32, 0xab).toString('base64');
    const cases: readonly (readonly [content: string | Buffer, reason: string])[] = [
      ['', 'is empty'],
      ['\n', 'holds a key of 0 bytes'],
      [`${good}\n${good}\n`, 'more than one line'],
      [`${good}\n\n`, 'more than one line'],
      [`${good}\r\n`, 'carriage return'],
      [`${good} \n`, 'has a space'],
      [` ${good}`, 'has a space'],
      [`${good.slice(0, -1)}\n`, 'does not hold base64'],
      [`${good.slice(0, 10)} ${good.slice(10)}`, 'does not hold base64'],
      [Buffer.alloc(32, 0xab).toString('base64url'), 'does not hold base64'],
      [Buffer.alloc(32, 0xab).toString('hex'), 'holds a key of 48 bytes'],
      [Buffer.alloc(31, 0xab).toString('base64'), 'holds a key of 31 bytes'],
      [Buffer.alloc(33, 0xab).toString('base64'), 'holds a key of 33 bytes'],
      [Buffer.alloc(32, 0xab), 'does not hold base64'],
      ['sk-test-not-a-key-file', 'does not hold base64'],
      ['x'.repeat(100_000), 'has 100000 bytes'],
    ];
    for (const [content, reason] of cases) {
      await writeFile(file, content, { mode: 0o600 });
      const error: unknown = await open(true).catch((caught: unknown) => caught);
      expect(error, reason).toEqual(refusal(6, file, reason));
      for (const piece of ['q6ur', 'abab', 'sk-test', 'xxxx']) expect(String(error)).not.toContain(piece);
      expect((await readFile(file)).equals(Buffer.from(content))).toBe(true);
    }
  });

  it('says where it cannot be made', async () => {
    file = path.join(folder, 'absent', "it's.key");
    await expect(open(true)).rejects.toThrow(refusal(4, 'does not exist', `mkdir -p -m 700 '${folder}/absent'`));
    await writeFile(path.join(folder, 'plain'), '');
    file = path.join(folder, 'plain', 'keyhold.key');
    await expect(open(true)).rejects.toThrow(refusal(6, 'ENOTDIR'));
  });

  it('says that its folder cannot be written', async () => {
    await chmod(folder, 0o555);
    // Root may write anywhere, so it becomes nobody for as long as it takes.
    if (asRoot) process.seteuid?.(65_534);
    try {
      await expect(open(true)).rejects.toThrow(refusal(4, 'EACCES', 'write in its folder'));
    } finally {
      if (asRoot) process.seteuid?.(0);
      await chmod(folder, 0o700);
    }
  });

  it('says that the disk is full, and leaves nothing behind', async ({ skip }) => {
    const disk = mountSmallDisk();
    if (disk === undefined) {
      skip('only root on Linux can make a small disk');
      return;
    }
    try {
      disk.fill();
      const before = await readdir(disk.folder);
      file = path.join(disk.folder, 'keyhold.key');
      await expect(open(true)).rejects.toThrow(refusal(8, 'disk is full', file));
      expect(await readdir(disk.folder)).toEqual(before);
    } finally {
      disk.remove();
    }
  });
});
