import { chmodSync, existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { isBusy } from './busy.ts';
import type { FolderLock } from './folder-lock.ts';

const LOCK_FILE = 'workers.db';

/** Worker processes of a Keyhold that is gone are still at work on the folder. */
export class WorkersLeft extends Error {
  constructor() {
    super('worker processes are still at work');
    this.name = 'WorkersLeft';
  }
}

/**
 * Says that this worker works on the folder, until `release` or its end, `kill -9` included: a shared lock, beside the one that the process above it
 * holds alone. So nobody takes the folder for abandoned while a worker outlives that process. As for `lock.db`, nothing else in a process may open
 * the file. Throws what the system or SQLite says.
 */
export function holdAsWorker(folder: string): FolderLock {
  const file = join(folder, LOCK_FILE);
  // A moment's exclusive look of `requireNoWorkers` is waited for.
  const database = new DatabaseSync(file, { timeout: 5_000 });
  try {
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN; SELECT count(*) FROM sqlite_schema');
    if ((statSync(file).mode & 0o077) !== 0) chmodSync(file, 0o600);
  } catch (error) {
    database.close();
    throw error;
  }
  return {
    release: () => {
      if (database.isOpen) database.close();
    },
  };
}

/** Throws `WorkersLeft` while workers hold the folder. For who has its lock, so that no new ones can begin. */
export function requireNoWorkers(folder: string): void {
  const file = join(folder, LOCK_FILE);
  if (!existsSync(file)) return;
  const database = new DatabaseSync(file, { timeout: 0 });
  try {
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE; ROLLBACK');
  } catch (error) {
    throw isBusy(error) ? new WorkersLeft() : error;
  } finally {
    database.close();
  }
}
