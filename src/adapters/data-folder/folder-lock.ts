import { chmodSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { isBusy } from './busy.ts';

const LOCK_FILE = 'lock.db';

/** Another process holds the lock. */
export class FolderInUse extends Error {
  constructor() {
    super('the lock is held by another process');
    this.name = 'FolderInUse';
  }
}

export interface FolderLock {
  release(): void;
}

/**
 * Takes the folder's lock: an exclusive transaction on a database that holds nothing. The operating system frees it with the process,
 * however that ends, which no file with a process id in it does (ids repeat in containers). Throws `FolderInUse`, or what the system or
 * SQLite says. `name` is the file's, where it is a lock of another kind.
 *
 * Nothing else may ever open the file: closing any handle of it would drop this process's lock (POSIX locks belong to the process).
 */
export function lockFolder(folder: string, name: string = LOCK_FILE): FolderLock {
  const file = join(folder, name);
  const database = new DatabaseSync(file, { timeout: 0 });
  try {
    // Without a journal of its own on the disk, an abrupt end leaves nothing behind.
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
    if ((statSync(file).mode & 0o077) !== 0) chmodSync(file, 0o600);
  } catch (error) {
    database.close();
    throw isBusy(error) ? new FolderInUse() : error;
  }
  return {
    release: () => {
      if (database.isOpen) database.close();
    },
  };
}
