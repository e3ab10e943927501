import { execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { homedir, setPriority } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

/** What `vault/go.mod` requires; the binary in the cache is kept under it. */
const VERSION = '1.21.0';
/** What that Vault is written for: an older Go cannot build it, and says so in ways that nobody understands. */
const GO = [1, 25, 1] as const;
/** For the progress only. */
const PACKAGES = 2_600;
const MODULE = path.join(import.meta.dirname, 'vault');

const folder = path.join(process.env['XDG_CACHE_HOME'] ?? path.join(homedir(), '.cache'), 'keyhold-tests', `vault-${VERSION}`);

/** The Vault that the tests start; undefined where it has not been built, and tests that need it are skipped. */
export function builtVault(): string | undefined {
  const file = path.join(folder, 'vault');
  return existsSync(file) ? file : undefined;
}

/**
 * Builds Vault from its Go module into the user's cache, unless it is there: several minutes, once a version. Of several processes that want it,
 * one builds and the others wait. Throws an error that says what is missing and how to get it.
 */
export async function buildVault(say: (line: string) => void): Promise<void> {
  if (builtVault() !== undefined) return;
  requireGo();
  await mkdir(folder, { recursive: true });
  const letGo = await lock(say);
  try {
    if (builtVault() === undefined) await build(say);
  } finally {
    await letGo();
  }
}

function requireGo(): void {
  const wanted = GO.join('.');
  const advice = `Tests against a real Vault build it once, which needs Go ${wanted} or newer. Get it from https://go.dev/dl/, or with your package manager if that has it (Debian 12 has 1.19), put it on the PATH, and run the tests again.`;
  let answer: string;
  try {
    // In the module's folder, so that a Go that fetches newer ones by itself says which one it would take.
    answer = execFileSync('go', ['version'], { cwd: MODULE, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  } catch {
    throw new Error(`There is no Go that can build Vault. ${advice}`);
  }
  const found = /go(?<major>\d+)\.(?<minor>\d+)(?:\.(?<patch>\d+))?/u.exec(answer)?.groups;
  const version = [found?.['major'], found?.['minor'], found?.['patch']].map((part) => Number(part ?? 0));
  if (isOlder(version, GO)) throw new Error(`This machine has Go ${version.join('.')}. ${advice}`);
}

function isOlder(version: readonly number[], wanted: readonly number[]): boolean {
  const differs = wanted.findIndex((part, index) => version[index] !== part);
  return differs !== -1 && (version[differs] ?? 0) < (wanted[differs] ?? 0);
}

/** Held by a file with the process's id; one whose process is gone is taken over. */
async function lock(say: (line: string) => void): Promise<() => Promise<void>> {
  const file = path.join(folder, 'building');
  for (let waited = 0; ; waited += 1) {
    try {
      const handle = await open(file, 'wx');
      await handle.writeFile(String(process.pid));
      await handle.close();
      return () => rm(file, { force: true });
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    }
    const holder = Number(await readFile(file, 'utf8').catch(() => ''));
    if (holder > 0 && !isRunning(holder)) await rm(file, { force: true });
    else if (waited % 30 === 0) say(`Another process builds Vault ${VERSION}; waiting for it.`);
    await sleep(1000);
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function build(say: (line: string) => void): Promise<void> {
  const startedAt = Date.now();
  say(`Building Vault ${VERSION} for the tests, once, into ${folder}. On two cores this takes about five minutes, and 4 GB of Go's own caches.`);
  const draft = path.join(folder, `vault.${process.pid}`);
  const child = spawn('go', ['build', '-mod=readonly', '-trimpath', '-v', '-ldflags=-s -w', '-o', draft, 'github.com/hashicorp/vault'], {
    cwd: MODULE,
    env: { ...process.env, CGO_ENABLED: '0' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  if (child.pid !== undefined) setPriority(child.pid, 10);
  const end = (): void => void child.kill();
  process.once('exit', end);
  let packages = 0;
  const last: string[] = [];
  createInterface({ input: child.stderr }).on('line', (line) => {
    if (!line.startsWith('go: ')) packages += 1;
    last.push(line);
    if (last.length > 20) last.shift();
  });
  const ticker = setInterval(() => say(`Building Vault: ${packages} of about ${PACKAGES} packages, ${Math.round((Date.now() - startedAt) / 1000)} s`), 15_000);
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject).once('close', resolve);
    });
    if (code !== 0) throw new Error(`Vault could not be built (go build ended with ${code}):\n${last.join('\n')}\nThe first build fetches Go modules, so it needs the network.`);
    await rename(draft, path.join(folder, 'vault'));
    say(`Vault ${VERSION} is built.`);
  } finally {
    clearInterval(ticker);
    process.off('exit', end);
    await rm(draft, { force: true });
  }
}
