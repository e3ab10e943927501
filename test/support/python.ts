import { execFile, execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

/** What docs/sealing-format.md says that its program needs. */
const PACKAGE = 'cryptography==48.0.0';
const NEEDED = 'from cryptography.hazmat.primitives.kdf.argon2 import Argon2id';
const cache = path.join(process.env['XDG_CACHE_HOME'] ?? path.join(homedir(), '.cache'), 'keyhold-tests');
const run = promisify(execFile);

/** Runs a program with what it reads from its standard input; gives what it printed. Rejects with what it said when it fails. */
export type Python = (program: string, input: string) => Promise<string>;

/** Whether there is a Python 3 at all: tests that need one are skipped where there is none. */
export function hasPython(): boolean {
  try {
    execFileSync('python3', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** The machine's Python 3 with the package `cryptography`: its own, or one that is installed into the user's cache once. Throws an error that says what is missing. */
export async function pythonWithCryptography(): Promise<Python> {
  const version = await run('python3', ['-c', 'import sys; print(sys.implementation.cache_tag)']);
  const folder = path.join(cache, `python-${version.stdout.trim()}-${PACKAGE}`);
  if (existsSync(folder)) return pythonIn(folder);
  const isThere = await run('python3', ['-c', NEEDED]).then(
    () => true,
    () => false,
  );
  if (isThere) return pythonIn(undefined);
  await install(folder);
  return pythonIn(folder);
}

function pythonIn(folder: string | undefined): Python {
  return (program, input) =>
    new Promise((resolve, reject) => {
      const env = folder === undefined ? process.env : { ...process.env, PYTHONPATH: folder };
      const child = execFile('python3', ['-c', program], { env, maxBuffer: 2 ** 24 }, (error, stdout, stderr) => (error === null ? resolve(stdout) : reject(new Error(stderr, { cause: error }))));
      child.stdin?.end(input);
    });
}

/** Beside its place first, so that nobody finds half of it; whoever is second uses the first one's. */
async function install(folder: string): Promise<void> {
  await mkdir(cache, { recursive: true });
  const draft = await mkdtemp(path.join(cache, 'python-'));
  try {
    await run('python3', ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--only-binary', ':all:', '--target', draft, PACKAGE]);
    await rename(draft, folder).catch((error: unknown) => {
      if (!existsSync(folder)) throw error;
    });
  } catch (cause) {
    throw new Error(`Python has no package ${PACKAGE}, and pip could not install it. Install it (Debian: apt-get install python3-pip, then run the tests again).`, { cause });
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}
