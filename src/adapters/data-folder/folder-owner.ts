import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const OWNER_FILE = 'owner';

/** Who says to hold a folder; for people only, the lock alone decides. */
export interface FolderOwner {
  readonly pid: number;
  /** When that process began, RFC 3339. */
  readonly startedAt: string;
}

/** Notes this process as the owner: one line of JSON. Throws what the system says. */
export function writeOwner(folder: string): void {
  const owner: FolderOwner = { pid: process.pid, startedAt: new Date(performance.timeOrigin).toISOString() };
  const file = join(folder, OWNER_FILE);
  writeFileSync(`${file}.new`, `${JSON.stringify(owner)}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

/** What the last owner noted; undefined when that cannot be read. */
export function readOwner(folder: string): FolderOwner | undefined {
  try {
    const owner: unknown = JSON.parse(readFileSync(join(folder, OWNER_FILE), 'utf8'));
    return isOwner(owner) ? owner : undefined;
  } catch {
    return undefined;
  }
}

export function forgetOwner(folder: string): void {
  rmSync(join(folder, OWNER_FILE), { force: true });
}

function isOwner(value: unknown): value is FolderOwner {
  if (typeof value !== 'object' || value === null) return false;
  return 'pid' in value && typeof value.pid === 'number' && 'startedAt' in value && typeof value.startedAt === 'string';
}
