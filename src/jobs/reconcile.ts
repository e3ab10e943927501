import type { Clock } from '../ports/clock.ts';
import type { Log } from '../ports/log.ts';
import type { Reconciler } from '../core/credentials/reconciler.ts';
import type { WaitingValues } from '../core/stores/waiting-values.ts';
import type { LeasedJob } from './leased-job.ts';

const EVERY_MS = 60_000;

export interface ReconcileJobDependencies {
  readonly reconciler: Pick<Reconciler, 'runOnce'>;
  readonly waiting: Pick<WaitingValues, 'shown' | 'told'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly everyMs?: number | undefined;
  /** The start has reconciled already. */
  readonly startHas: boolean;
}

/** Reconciles credentials once a minute. */
export function reconcileJob({ reconciler, waiting, clock, log, everyMs = EVERY_MS, startHas }: ReconcileJobDependencies): LeasedJob {
  return {
    name: 'reconcile',
    description: 'Finishes changes of credentials that a writer left open, purges what was deleted 30 days ago, moves values to the store they belong to, and destroys in the stores what no record uses.',
    everyMs,
    firstAfterMs: startHas ? everyMs : 0,
    failure: { event: 'reconcile_failed', message: 'Credentials could not be reconciled; the next run tries again' },
    async run(mayGoOn) {
      const startedAt = clock.monotonic();
      const { finished, failed } = await reconciler.runOnce({ allOpenIntents: false, mayGoOn });
      if (finished > 0 || failed > 0) {
        log.info('credentials_reconciled', 'Unfinished changes of credentials were finished', { count: finished, durationMs: clock.monotonic() - startedAt });
      }
      return waiting.shown();
    },
    told: (counts) => waiting.told(counts),
  };
}
