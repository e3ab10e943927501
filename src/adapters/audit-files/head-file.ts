import type { HeadStore } from '../../ports/audit-custody.ts';
import type { RandomBytes } from '../../ports/clock.ts';
import { readPrivateFile, replacePrivateFile } from '../key-wrapper/private-file.ts';

/** The last head in a file of its own, 0600, replaced in one step. Throws `StartError` as `auditKeyFile` does. */
export function headFile(file: string, random: RandomBytes): HeadStore {
  return {
    place: file,
    last: () => readPrivateFile(file),
    keep: (note) => replacePrivateFile(file, note, random),
  };
}
