import type { DeadJournals } from '../core/usage/dead-journals.ts';
import type { Log } from '../ports/log.ts';
import { Repeated } from './repeated.ts';

export interface FinishJournalsDependencies {
  readonly journals: Pick<DeadJournals, 'look'>;
  readonly log: Log;
  /** Milliseconds; below the term after which a journal counts as left. */
  readonly everyMs: number;
}

/** Looks again and again whether a replica has left a journal in the database. */
export function finishJournalsJob({ journals, log, everyMs }: FinishJournalsDependencies): Repeated {
  let hasFailed = false;
  return new Repeated({
    everyMs,
    work: async () => {
      try {
        await journals.look();
        hasFailed = false;
      } catch (error) {
        if (!hasFailed) log.warn('journals_not_finished', 'It could not be looked up whether replicas that are gone have left usage in the database. It is tried again every few seconds; nothing is lost', { error });
        hasFailed = true;
      }
    },
  });
}
