import type { HeadStore } from '../../ports/audit-custody.ts';
import type { RandomBytes } from '../../ports/clock.ts';
import { parseCheckpoint } from '../../core/audit/notes/checkpoint.ts';
import { readPrivateFile, removePrivateFile } from '../key-wrapper/private-file.ts';
import { headFile } from './head-file.ts';

export interface HeadFilesOptions {
  /** Where this process keeps its own. */
  readonly own: string;
  /** Those of all processes that use the data folder, or did. */
  readonly all: () => readonly string[];
  readonly random: RandomBytes;
  /** Whatever is kept takes the place of all: for a log that goes on under another name or key, while nobody else uses the folder. */
  readonly keepsAlone: boolean;
}

/**
 * The last heads of processes that share a data folder, a file each: each keeps its own, since nobody can keep one file up to date from two processes, and the
 * newest of all is what the database has to go on from. Throws as `headFile` does.
 */
export function headFiles({ own, all, random, keepsAlone }: HeadFilesOptions): HeadStore {
  let place = own;
  return {
    get place() {
      return place;
    },
    async last() {
      let newest: string | undefined;
      for (const file of [own, ...all().filter((other) => other !== own)]) {
        const note = await readPrivateFile(file);
        if (note === undefined || (newest !== undefined && sizeOf(note) <= sizeOf(newest))) continue;
        newest = note;
        place = file;
      }
      return newest;
    },
    async keep(note) {
      await headFile(own, random).keep(note);
      if (!keepsAlone) return;
      for (const file of all()) if (file !== own) await removePrivateFile(file);
    },
  };
}

/** One that says nothing counts as the newest, so that whoever reads it refuses it. */
function sizeOf(note: string): number {
  return parseCheckpoint(note)?.size ?? Infinity;
}
