import { chmodSync, existsSync, mkdirSync, readdirSync, type Stats, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { isDiskFull, StartError } from '../../ports/start-error.ts';
import { FolderInUse, type FolderLock, lockFolder } from './folder-lock.ts';
import { forgetOwner, readOwner, writeOwner } from './folder-owner.ts';
import { requireNoWorkers, WorkersLeft } from './workers-lock.ts';

/** The folder with all state, held by this process. */
export interface DataFolder {
  /** Absolute. */
  readonly path: string;
  /** What about the folder is not as it should be, one sentence each, for the log. */
  readonly warnings: readonly string[];
  /** Lets another process have it. Idempotent. */
  close(): void;
}

/**
 * Makes the folder (0700) where there is none, and takes it for this process until `close` or its end, `kill -9` included. The result
 * has to be kept: the lock goes with it. A folder of ours that others can enter is closed to them; one that is not ours alone to change
 * (a mounted volume, a folder with other things in it) is left as it is, with a warning. Throws `StartError`: exit code 4 when it is no
 * folder or cannot be written, 5 when another process holds it or workers of one that died are still at work, 8 when the disk is full.
 */
export function openDataFolder(path: string): DataFolder {
  const folder = resolve(path);
  let lock: FolderLock | undefined;
  try {
    makeFolder(folder);
    const warnings = closeToOthers(folder);
    lock = lockFolder(folder);
    requireNoWorkers(folder);
    writeOwner(folder);
    const held = lock;
    let open = true;
    return {
      path: folder,
      warnings,
      close: () => {
        if (!open) return;
        open = false;
        forgetOwner(folder);
        held.release();
      },
    };
  } catch (error) {
    lock?.release();
    throw startError(folder, error);
  }
}

/**
 * Makes the folder and what is missing above it; one that exists stays as it is. Not Node's own `recursive`, which never ends where the
 * system answers ENOENT although the folder above exists (`/proc/x`; Node 26.10).
 */
function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'EEXIST' && statSync(folder).isDirectory()) return;
    if (code !== 'ENOENT' || existsSync(dirname(folder))) throw error;
    makeFolder(dirname(folder));
    mkdirSync(folder, { mode: 0o700 });
  }
}

/** Takes the folder's permissions from group and others where that is ours to decide; returns what is left to say. */
function closeToOthers(folder: string): readonly string[] {
  const stats = statSync(folder);
  if ((stats.mode & 0o077) === 0) return [];
  if (isOursToChange(folder, stats)) {
    chmodSync(folder, 0o700);
    return [];
  }
  return [`Other users can enter the data folder ${folder} (mode ${(stats.mode & 0o7777).toString(8)}). Give Keyhold a folder of its own with mode 0700.`];
}

/** It belongs to our user, and holds nothing or Keyhold's own files: a shared folder such as /tmp or a home must not be shut by us. */
function isOursToChange(folder: string, stats: Stats): boolean {
  if (stats.uid !== process.getuid?.()) return false;
  const names = readdirSync(folder);
  return names.length === 0 || names.includes('lock.db');
}

function startError(folder: string, error: unknown): StartError {
  if (error instanceof FolderInUse) {
    const owner = readOwner(folder);
    const who = owner === undefined ? 'another process' : `process ${owner.pid}, started ${owner.startedAt}`;
    return new StartError(5, `The data folder ${folder} is in use by ${who}. Stop it first, or give this one another folder in KEYHOLD_DATA_DIR.`, { cause: error });
  }
  if (error instanceof WorkersLeft) {
    return new StartError(5, `The data folder ${folder} is in use by worker processes of a Keyhold whose first process was killed. They end by themselves when their last requests have, within KEYHOLD_SHUTDOWN_TIMEOUT; start again then.`, { cause: error });
  }
  if (isDiskFull(error) || isFullDatabase(error)) {
    return new StartError(8, `The disk is full: the data folder ${folder} cannot be written. Make room on it and start again.`, { cause: error });
  }
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  const why = code === 'EEXIST' || code === 'ENOTDIR' ? 'is not a folder' : 'cannot be written';
  const said = error instanceof Error ? ` (${error.message})` : '';
  return new StartError(4, `The data folder ${folder} ${why}${said}. Name a folder in KEYHOLD_DATA_DIR that the user who runs Keyhold can write to.`, { cause: error });
}

/** SQLITE_FULL, https://sqlite.org/rescode.html#full */
function isFullDatabase(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === 13;
}
