import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemNode } from '../support/system-node.ts';

/* The tarball of `npm run package`, installed into an empty folder and run by the system's Node, as a user would have it. */

const script = fileURLToPath(new URL('../../scripts/package.ts', import.meta.url));
const PACKING_MS = 300_000;

let folder: string;
let app: string;
let command: string;
const running = new Set<ChildProcess>();

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'keyhold-package-'));
  app = mkdtempSync(join(folder, 'app-'));
  execFileSync(process.execPath, [script, folder], { stdio: 'pipe' });
  const tarball = readdirSync(folder).find((name) => name.endsWith('.tgz')) ?? 'no tarball';
  execFileSync('npm', ['install', '--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund', join(folder, tarball)], { cwd: app, stdio: 'pipe', env: userEnvironment() });
  command = join(app, 'node_modules', '.bin', 'keyhold');
}, PACKING_MS);

afterAll(() => {
  for (const child of running) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
}, PACKING_MS);

interface Lock {
  readonly packages: Readonly<Record<string, { readonly version: string; readonly dev?: boolean; readonly optional?: boolean }>>;
}

/** What a user's shell has: none of this checkout's programs on the path, nothing that npm or the test runner set. */
function userEnvironment(): Record<string, string> {
  const { PATH = '', HOME = folder } = process.env;
  return { PATH: PATH.split(delimiter).filter((entry) => !entry.includes('node_modules')).join(delimiter), HOME };
}

function keyhold(...args: readonly string[]) {
  return spawnSync(systemNode(), [command, ...args], { cwd: app, env: userEnvironment(), encoding: 'utf8' });
}

async function serve(dataDir: string, env: Readonly<Record<string, string>> = {}) {
  const child = spawn(systemNode(), [command, 'serve'], {
    cwd: app, env: { ...userEnvironment(), KEYHOLD_LISTEN: '127.0.0.1:0', KEYHOLD_DATA_DIR: dataDir, ...env }, stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  const ended = once(child, 'exit').then(([code, signal]) => {
    running.delete(child);
    return (code ?? signal) as number | string;
  });
  let output = '';
  const listening = Promise.withResolvers<string>();
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      const address = /"event":"listening".*?"address":"([^"]+)"/u.exec(output)?.[1];
      if (address !== undefined) listening.resolve(`http://${address}`);
    });
  }
  void ended.then((how) => listening.reject(new Error(`It ended (${how}) before it listened:\n${output}`)));
  return { child, ended, url: await listening.promise };
}

async function answers(url: string): Promise<boolean> {
  return fetch(`${url}/livez`).then((response) => response.ok, () => false);
}

describe('the package (R0.1, S37)', () => {
  it('installs what was tested: the versions of the lock, and only what runs', () => {
    const root = join(app, 'node_modules', 'keyhold');
    const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Record<string, unknown>;
    expect(Object.keys(manifest).sort()).toEqual(['bin', 'bundleDependencies', 'dependencies', 'description', 'engines', 'license', 'name', 'optionalDependencies', 'type', 'version']);
    for (const file of ['LICENSE', 'README.md', 'SECURITY.md', '.env.example']) expect(readdirSync(root)).toContain(file);
    const lock = JSON.parse(readFileSync(fileURLToPath(new URL('../../package-lock.json', import.meta.url)), 'utf8')) as Lock;
    const needed = Object.entries(lock.packages).filter(([path, { dev, optional }]) => path !== '' && dev !== true && optional !== true);
    expect(needed.length).toBeGreaterThan(50);
    for (const [path, { version }] of needed) expect(JSON.parse(readFileSync(join(root, path, 'package.json'), 'utf8'))).toMatchObject({ version });
    const installed = execFileSync('npm', ['ls', '--all', '--parseable', '--long'], { cwd: app, encoding: 'utf8', env: userEnvironment() });
    for (const name of ['vitest', 'typescript', 'knip', 'openai']) expect(installed).not.toContain(`:${name}@`);
    const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((file) => !file.startsWith('node_modules'));
    expect(files.filter((file) => /\.test\.|(?<!\.d)\.ts$/u.test(file))).toEqual([]);
  });

  it('runs under the system\'s Node, with exit statuses', () => {
    expect(keyhold('--version')).toMatchObject({ status: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/u) as unknown });
    expect(keyhold('config')).toMatchObject({ status: 0, stdout: expect.stringContaining('KEYHOLD_LISTEN=127.0.0.1:8080') as unknown });
    expect(keyhold('nothing').status).toBe(1);
  });

  it('serves, drains on SIGTERM to the launcher and exits 0; and again on the same folder', async () => {
    const dataDir = join(folder, 'terminated');
    for (const _ of [1, 2]) {
      const { child, ended, url } = await serve(dataDir);
      expect(await answers(url)).toBe(true);
      child.kill('SIGTERM');
      expect(await ended).toBe(0);
      expect(await answers(url)).toBe(false);
    }
  });

  it('R5.7: serves with workers, drains on SIGTERM to the launcher and exits 0', async () => {
    const { child, ended, url } = await serve(join(folder, 'workers'), { KEYHOLD_WORKERS: '2' });
    expect(await answers(url)).toBe(true);
    child.kill('SIGTERM');
    expect(await ended).toBe(0);
    expect(await answers(url)).toBe(false);
  });

  it('ends when its launcher is killed, and frees port and folder', async () => {
    const dataDir = join(folder, 'killed');
    const first = await serve(dataDir);
    expect(await answers(first.url)).toBe(true);
    first.child.kill('SIGKILL');
    expect(await first.ended).toBe('SIGKILL');
    for (const end = Date.now() + 40_000; await answers(first.url); ) {
      expect(Date.now()).toBeLessThan(end);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    const second = await servesAgain(dataDir);
    expect(await answers(second.url)).toBe(true);
    second.child.kill('SIGTERM');
    expect(await second.ended).toBe(0);
  });
});

/** The port closes first when draining; the folder's lock goes with the process, a moment later. */
async function servesAgain(dataDir: string): Promise<Awaited<ReturnType<typeof serve>>> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await serve(dataDir);
    } catch (error) {
      if (attempt === 100) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
