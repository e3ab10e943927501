import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { mountSmallDisk } from '../../../test/support/small-disk.ts';
import { StartError } from '../../ports/start-error.ts';
import { openDataFolder } from './data-folder.ts';

let base: string;
const children: ChildProcess[] = [];

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'keyhold-folder-'));
});

afterEach(async () => {
  for (const child of children.splice(0)) await kill(child);
  rmSync(base, { recursive: true, force: true });
});

describe('openDataFolder', () => {
  it('R0.1: makes the folder and everything above it with mode 0700, whatever the umask', () => {
    const before = process.umask(0);
    try {
      const folder = openDataFolder(join(base, 'a/b'));
      expect(folder.path).toBe(join(base, 'a/b'));
      expect(folder.warnings).toEqual([]);
      expect(modeOf(join(base, 'a/b'))).toBe(0o700);
      expect(modeOf(join(base, 'a/b/lock.db'))).toBe(0o600);
      expect(modeOf(join(base, 'a/b/owner'))).toBe(0o600);
      folder.close();
    } finally {
      process.umask(before);
    }
  });

  it('opens again after close, as often as one likes', () => {
    const path = join(base, 'data');
    for (let round = 0; round < 3; round += 1) {
      const folder = openDataFolder(path);
      expect(JSON.parse(readFileSync(join(path, 'owner'), 'utf8'))).toMatchObject({ pid: process.pid });
      folder.close();
      folder.close();
      expect(existsSync(join(path, 'owner'))).toBe(false);
    }
  });

  it('R0.1: closes an existing folder of ours to group and others', () => {
    const path = join(base, 'data');
    mkdirSync(path);
    chmodSync(path, 0o755);
    const folder = openDataFolder(path);
    expect(modeOf(path)).toBe(0o700);
    folder.close();
    chmodSync(path, 0o750);
    openDataFolder(path).close();
    expect(modeOf(path)).toBe(0o700);
  });

  it('warns about, and does not shut, a folder that holds other things', () => {
    chmodSync(base, 0o755);
    writeFileSync(join(base, 'something else'), '');
    const folder = openDataFolder(base);
    expect(modeOf(base)).toBe(0o755);
    expect(folder.warnings).toEqual([expect.stringContaining('mode 0700')]);
    folder.close();
  });

  it('follows a link to a folder', () => {
    mkdirSync(join(base, 'real'));
    symlinkSync(join(base, 'real'), join(base, 'link'));
    openDataFolder(join(base, 'link')).close();
    expect(existsSync(join(base, 'real/lock.db'))).toBe(true);
  });

  it('R0.1: exits 4 for what is no folder, and for a folder that cannot be made or written', () => {
    writeFileSync(join(base, 'file'), '');
    symlinkSync(join(base, 'nowhere'), join(base, 'dangling'));
    expect(refusal(join(base, 'file'))).toMatchObject({ exitCode: 4, message: expect.stringContaining('is not a folder') });
    expect(refusal(join(base, 'file/data'))).toMatchObject({ exitCode: 4 });
    expect(refusal(join(base, 'dangling'))).toMatchObject({ exitCode: 4 });
    expect(refusal(unwritable())).toMatchObject({ exitCode: 4, message: expect.stringContaining('KEYHOLD_DATA_DIR') });
  });

  it('R0.1: exits 5 when it is open in this process already, and keeps the lock all the same', async () => {
    const path = join(base, 'data');
    const folder = openDataFolder(path);
    expect(refusal(path)).toMatchObject({ exitCode: 5 });
    expect(await lineOf(hold(path))).toMatch(/^refused 5 /);
    folder.close();
    expect(await lineOf(hold(path))).toBe('held');
  });

  it('R0.1: a second process is refused with exit code 5, the folder and the process that holds it', async () => {
    const path = join(base, 'data');
    const holder = hold(path);
    expect(await lineOf(holder)).toBe('held');
    const error = refusal(path);
    expect(error).toMatchObject({ exitCode: 5 });
    expect(error.message).toContain(path);
    expect(error.message).toContain(`process ${holder.pid}`);
    writeFileSync(join(path, 'owner'), 'not JSON');
    expect(refusal(path).message).toContain('another process');
  });

  it('R0.1: kill -9 frees the folder', async () => {
    const path = join(base, 'data');
    for (let round = 0; round < 3; round += 1) {
      const holder = hold(path);
      expect(await lineOf(holder)).toBe('held');
      expect(refusal(path)).toMatchObject({ exitCode: 5 });
      await kill(holder);
      openDataFolder(path).close();
    }
  });

  it('one of many processes that start together gets it', async () => {
    const path = join(base, 'data');
    const lines = await Promise.all([1, 2, 3].map(() => lineOf(hold(path))));
    expect(lines.filter((line) => line === 'held')).toHaveLength(1);
    expect(lines.filter((line) => line.startsWith('refused 5 '))).toHaveLength(2);
  });

  it('R0.1: exits 8 on a full disk', ({ skip }) => {
    const disk = mountSmallDisk();
    if (disk === undefined) {
      skip('no right to mount a small disk');
      return;
    }
    try {
      disk.fill();
      expect(refusal(join(disk.folder, 'data'))).toMatchObject({ exitCode: 8, message: expect.stringContaining('full') });
      disk.free();
      openDataFolder(join(disk.folder, 'data')).close();
    } finally {
      disk.remove();
    }
  });

  it('R5.7: is refused with exit code 5 while workers outlive the process that held the folder, until the last is gone, however it went', async () => {
    const path = join(base, 'data');
    openDataFolder(path).close();
    const [one, other] = [work(path), work(path)];
    expect([await lineOf(one), await lineOf(other)]).toEqual(['works', 'works']);
    expect(modeOf(join(path, 'workers.db'))).toBe(0o600);
    await kill(one);
    expect(() => openDataFolder(path)).toThrow(expect.objectContaining({ exitCode: 5, message: expect.stringContaining('worker processes') as unknown }) as Error);
    await kill(other);
    openDataFolder(path).close();
  });
});

function refusal(path: string): StartError {
  try {
    openDataFolder(path).close();
  } catch (error) {
    if (error instanceof StartError) return error;
    throw error;
  }
  throw new Error(`${path} was opened`);
}

function modeOf(path: string): number {
  return statSync(path).mode & 0o777;
}

/** A folder that even root cannot write to, or one without the right to write. */
function unwritable(): string {
  if (process.getuid?.() === 0) return '/proc/keyhold';
  const path = join(base, 'unwritable');
  mkdirSync(path, { mode: 0o500 });
  return path;
}

/** A worker that says it works on the folder. */
function work(path: string): ChildProcess {
  const script = `
    const { holdAsWorker } = await import(${JSON.stringify(new URL('./workers-lock.ts', import.meta.url).href)});
    globalThis.lock = holdAsWorker(process.argv[1]);
    console.log('works');
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  return child;
}

/** A process of its own that takes the folder, says so in a line, and stays. */
function hold(path: string): ChildProcess {
  const script = `
    const { openDataFolder } = await import(${JSON.stringify(new URL('./data-folder.ts', import.meta.url).href)});
    try {
      globalThis.folder = openDataFolder(process.argv[1]);
      console.log('held');
      setInterval(() => {}, 1000);
    } catch (error) {
      console.log('refused', error.exitCode, error.message);
    }`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  return child;
}

async function lineOf(child: ChildProcess): Promise<string> {
  let text = '';
  for await (const chunk of child.stdout ?? []) {
    text += String(chunk);
    if (text.includes('\n')) break;
  }
  return text.split('\n')[0] ?? '';
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}
