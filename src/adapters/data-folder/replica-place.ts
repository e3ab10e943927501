import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { FolderInUse, type FolderLock, lockFolder } from './folder-lock.ts';

/**
 * What one process keeps for itself in a data folder that several share: its journal, the audit log's last head, the emergency journal. The files of
 * place 1 have plain names, those of the others end in the place's number.
 */
export interface ReplicaPlace {
  /** From 1. */
  readonly number: number;
  /** Absolute path of a file or folder of this place. */
  readonly path: (name: string) => string;
  /** Lets another process have it. Idempotent. */
  readonly release: () => void;
}

/** More processes than any machine has use for. */
const MOST = 1_000;

/**
 * Takes the lowest place that nobody has, until `release` or the end of the process, `kill -9` included. So whoever takes the place of a dead
 * process takes over what that has left. The result has to be kept: the lock goes with it. Throws what the system or SQLite says.
 */
export function takePlace(dataDir: string): ReplicaPlace {
  for (let number = 1; number <= MOST; number += 1) {
    const place = tryPlace(dataDir, number);
    if (place !== undefined) return place;
  }
  throw new Error(`${MOST} processes use the data folder ${dataDir}`);
}

/** The same place for who holds the folder alone, while Keyhold is stopped. */
export function firstPlace(dataDir: string): Pick<ReplicaPlace, 'number' | 'path'> {
  return { number: 1, path: (name) => placePath(dataDir, name, 1) };
}

/** Every number of which something with this name is there, the plain name's 1 included. */
export function placesOf(dataDir: string, name: string): readonly number[] {
  const numbers = readdirSync(dataDir).flatMap((found) => {
    if (found === name) return [1];
    const number = found.startsWith(`${name}.`) ? found.slice(name.length + 1) : '';
    return /^[1-9]\d{0,3}$/u.test(number) ? [Number(number)] : [];
  });
  return numbers.toSorted((a, b) => a - b);
}

/** Takes this place; undefined while another process, or this one, has it. */
export function tryPlace(dataDir: string, number: number): ReplicaPlace | undefined {
  let lock: FolderLock;
  try {
    lock = lockFolder(dataDir, `replica-${number}.db`);
  } catch (error) {
    if (error instanceof FolderInUse) return undefined;
    throw error;
  }
  return { number, path: (name) => placePath(dataDir, name, number), release: () => lock.release() };
}

export function placePath(dataDir: string, name: string, number: number): string {
  return join(dataDir, number === 1 ? name : `${name}.${number}`);
}
