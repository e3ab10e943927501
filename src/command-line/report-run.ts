import { StartError } from '../ports/start-error.ts';
import { type ItemResult, type RunReport, totalsOf } from './item-result.ts';
import { writeReport } from './report-file.ts';
import { reportText } from './report-text.ts';
import type { ItemsDone } from './run-items.ts';
import type { Terminal } from './terminal.ts';

export interface RunToTell extends Pick<RunReport, 'command' | 'dryRun' | 'startedAt'> {
  readonly done: ItemsDone;
  /** What an operator should do now, besides what goes for every run. */
  readonly advice: readonly string[];
  readonly file: string | undefined;
}

/** Tells what a run has done, in a table and, where asked for, in a file. Gives the exit status; throws what ended the run early, after it was told. */
export async function reportRun({ command, dryRun, startedAt, done, advice, file }: RunToTell, terminal: Terminal): Promise<number> {
  const { results: items } = done;
  const totals = totalsOf(items);
  const report: RunReport = { command, dryRun, startedAt, finishedAt: new Date().toISOString(), totals, advice: [...advice, ...adviceForAll(items)], items };
  terminal.out(reportText(report));
  if (file !== undefined) await writeReport(file, report);
  if (done.error !== undefined) {
    if (!(done.error instanceof StartError)) throw done.error;
    throw new StartError(done.error.exitCode, `${done.error.message}\nThe run ended early. What is done is kept: run the same command again, and it goes on.`, { cause: done.error });
  }
  return (totals['failed'] ?? 0) + (totals['refused'] ?? 0) === 0 ? 0 : 1;
}

function adviceForAll(items: readonly ItemResult[]): readonly string[] {
  const count = (is: (item: ItemResult) => boolean): number => items.filter(is).length;
  const unproven = count(({ legacy, authenticated }) => legacy !== undefined && authenticated === false);
  const failed = count(({ outcome }) => outcome === 'failed');
  return [
    ...(unproven === 0 ? [] : [`${unproven} marked unauthenticated: nothing proves that these values are as they were written. Replace these keys at their providers.`]),
    ...(failed === 0 ? [] : [`${failed} failed for now. Run the same command again: what is done is found as done.`]),
  ];
}
