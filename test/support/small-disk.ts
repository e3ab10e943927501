import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A disk of its own that can really be full. */
export interface SmallDisk {
  readonly folder: string;
  /** Leaves no free block. */
  fill(): void;
  /** Takes back what `fill` wrote. */
  free(): void;
  remove(): void;
}

/** Mounts that many MiB of memory as a disk; undefined where the system does not let us (only root on Linux can). */
export function mountSmallDisk(mebibytes = 1): SmallDisk | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'keyhold-disk-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m,mode=0700`, 'tmpfs', folder], { stdio: 'ignore' });
  } catch {
    rmSync(folder, { recursive: true });
    return undefined;
  }
  const ballast = join(folder, 'ballast');
  return {
    folder,
    fill: () => {
      try {
        for (;;) writeFileSync(ballast, Buffer.alloc(4096), { flag: 'a' });
      } catch (error) {
        if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error;
      }
    },
    free: () => rmSync(ballast, { force: true }),
    remove: () => {
      execFileSync('umount', [folder]);
      rmSync(folder, { recursive: true });
    },
  };
}
