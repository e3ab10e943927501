import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { StartError } from '../ports/start-error.ts';
import type { RunReport } from './item-result.ts';

/** Throws `StartError` (4) where the report could not be written in the end: better before anything is done. */
export function requireFree(file: string): void {
  if (existsSync(file)) throw new StartError(4, `${file} is there already. Name a file for the report that is not there yet.`);
}

/** The report as JSON, in a new file that its owner alone can read. */
export async function writeReport(file: string, report: RunReport): Promise<void> {
  await writeFile(file, `${JSON.stringify(report, null, 2)}\n`, { flag: 'wx', mode: 0o600 }).catch((cause: unknown) => {
    throw new StartError(4, `The report could not be written to ${file}. What was done is done; run it again with another file to have it told.`, { cause });
  });
}
