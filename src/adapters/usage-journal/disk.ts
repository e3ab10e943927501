import { closeSync, ftruncateSync, mkdirSync, openSync, readdirSync, readFileSync, renameSync, rmSync, truncateSync, writeSync } from 'node:fs';

/**
 * The file system calls of the journal, synchronous: an entry is with the operating system when `write` returns, and nothing else
 * runs between the steps of a change. A port of its own so that tests can kill, fill and break the disk at every call.
 */
export interface Disk {
  makeFolder(path: string): void;
  /** Names of the entries of a folder. */
  list(folder: string): readonly string[];
  read(path: string): Buffer;
  /** A new, empty file for writing, readable by its owner only; one of that name is replaced. Returns its descriptor. */
  create(path: string): number;
  /** Writes at a position; returns how many bytes were written, which may be fewer. */
  write(file: number, bytes: Buffer, position: number): number;
  truncate(file: number | string, length: number): void;
  close(file: number): void;
  rename(from: string, to: string): void;
  /** One that is not there is fine. */
  remove(path: string): void;
}

export const nodeDisk: Disk = {
  makeFolder: (path) => void mkdirSync(path, { recursive: true, mode: 0o700 }),
  list: (folder) => readdirSync(folder),
  read: (path) => readFileSync(path),
  create: (path) => openSync(path, 'w', 0o600),
  write: (file, bytes, position) => writeSync(file, bytes, 0, bytes.length, position),
  truncate: (file, length) => {
    if (typeof file === 'number') ftruncateSync(file, length);
    else truncateSync(file, length);
  },
  close: (file) => {
    closeSync(file);
  },
  rename: (from, to) => {
    renameSync(from, to);
  },
  remove: (path) => {
    rmSync(path, { force: true });
  },
};
