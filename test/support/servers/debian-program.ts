import { execFile } from 'node:child_process';
import { existsSync, globSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

/** A program that Debian has, and what it needs to run from a folder of its own. */
export interface DebianProgram {
  readonly program: string;
  /** Where its package puts it, from the root; `*` stands for a version. */
  readonly file: string;
  /** The package, and those of its libraries that a machine may lack. */
  readonly packages: readonly string[];
  /** How to get it elsewhere, as the end of a sentence. */
  readonly elsewhere: string;
}

/** `env` belongs to the process's environment: where its libraries are. */
export interface FoundProgram {
  readonly file: string;
  readonly env: Readonly<Record<string, string>>;
}

const cache = path.join(process.env['XDG_CACHE_HOME'] ?? path.join(homedir(), '.cache'), 'keyhold-tests');
const run = promisify(execFile);

/**
 * The program as it is installed, else out of its Debian packages, unpacked once into the user's cache; needs no root. Several processes may want it at
 * once. Throws an error that says what to install.
 */
export async function debianProgram(wanted: DebianProgram, searched = process.env['PATH'] ?? ''): Promise<FoundProgram> {
  const installed = searched.split(path.delimiter).map((folder) => path.join(folder, wanted.program)).find((file) => existsSync(file)) ?? newest('/', wanted.file);
  if (installed !== undefined) return { file: installed, env: {} };
  const folder = path.join(cache, `debian-${wanted.program}`);
  if (newest(folder, wanted.file) === undefined) await unpack(wanted, folder);
  const file = newest(folder, wanted.file);
  if (file === undefined) throw new Error(`The packages ${wanted.packages.join(', ')} have no ${wanted.file}. Remove ${folder} and install ${wanted.program}: ${wanted.elsewhere}.`);
  return { file, env: { LD_LIBRARY_PATH: globSync(['usr/lib/*-linux-gnu', 'lib/*-linux-gnu'], { cwd: folder }).map((found) => path.join(folder, found)).join(path.delimiter) } };
}

function newest(root: string, pattern: string): string | undefined {
  const found = globSync(pattern, { cwd: root }).toSorted((one, other) => one.localeCompare(other, 'en', { numeric: true })).at(-1);
  return found === undefined ? undefined : path.join(root, found);
}

/** Beside the folder first, so that whoever finds it finds all of it. */
async function unpack({ program, packages, elsewhere }: DebianProgram, folder: string): Promise<void> {
  await mkdir(cache, { recursive: true });
  const draft = await mkdtemp(`${folder}.`);
  try {
    const downloads = path.join(draft, 'downloads');
    await mkdir(downloads);
    await run('apt-get', ['download', ...packages], { cwd: downloads });
    for (const name of await readdir(downloads)) await run('dpkg', ['-x', path.join(downloads, name), draft]);
    await rm(downloads, { recursive: true });
    await rename(draft, folder).catch((error: unknown) => {
      // Another process was faster, and its folder is as good.
      if (!existsSync(folder)) throw error;
    });
  } catch (error) {
    throw new Error(`Tests start a real ${program}, which is not on the PATH and could not be taken from the Debian packages ${packages.join(', ')}. Install it (${elsewhere}), or on Debian run apt-get update first, and run the tests again.`, { cause: error });
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}
