import { execFile, execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

/** What docs/sealing-format.md says that its program needs. */
const PACKAGE = 'cryptography==48.0.0';
/** Schemathesis and everything that it needs, each in one version with the digests of its files. */
const SCHEMATHESIS = path.join(import.meta.dirname, 'schemathesis', 'requirements.txt');
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
  const folder = await folderFor(PACKAGE);
  if (existsSync(folder)) return pythonIn(folder);
  const isThere = await run('python3', ['-c', NEEDED]).then(
    () => true,
    () => false,
  );
  if (isThere) return pythonIn(undefined);
  await install(folder, [PACKAGE]);
  return pythonIn(folder);
}

/** The folder of Python's packages that schemathesis is in, which is installed into the user's cache once for each list of what it needs. Throws an error that says what is missing. */
export async function schemathesisPackages(): Promise<string> {
  const digest = createHash('sha256').update(await readFile(SCHEMATHESIS)).digest('hex').slice(0, 16);
  const folder = await folderFor(`schemathesis-${digest}`);
  if (!existsSync(folder)) await install(folder, ['--require-hashes', '--no-deps', '--requirement', SCHEMATHESIS]);
  return folder;
}

/** Where packages for this machine's Python are kept. */
async function folderFor(name: string): Promise<string> {
  const version = await run('python3', ['-c', 'import sys; print(sys.implementation.cache_tag)']);
  return path.join(cache, `python-${version.stdout.trim()}-${name}`);
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
async function install(folder: string, wanted: readonly string[]): Promise<void> {
  await mkdir(cache, { recursive: true });
  const draft = await mkdtemp(path.join(cache, 'python-'));
  try {
    await run('python3', ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--only-binary', ':all:', '--target', draft, ...wanted]);
    await rename(draft, folder).catch((error: unknown) => {
      if (!existsSync(folder)) throw error;
    });
  } catch (cause) {
    throw new Error(`Python's pip could not install ${wanted.join(' ')}. Install pip (Debian: apt-get install python3-pip), then run the tests again.`, { cause });
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}
