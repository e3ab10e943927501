import type { Log } from '../ports/log.ts';
import type { Clock } from '../ports/clock.ts';
import type { Reconciler } from '../core/credentials/reconciler.ts';

const EVERY_MS = 60_000;

export interface ReconcileJobDependencies {
  readonly reconciler: Pick<Reconciler, 'runOnce'>;
  readonly clock: Clock;
  readonly log: Log;
  /** Milliseconds between the end of one run and the start of the next. */
  readonly everyMs?: number;
}

export interface ReconcileJob {
  /** No run begins any more; resolves when the one that is under way has ended. */
  stop(): Promise<void>;
}

/** Reconciles credentials once a minute, one run at a time. Does not keep the process alive. */
export function startReconciling({ reconciler, clock, log, everyMs = EVERY_MS }: ReconcileJobDependencies): ReconcileJob {
  let running = Promise.resolve();
  let stopped = false;
  let timer = schedule();

  function schedule(): NodeJS.Timeout {
    return setTimeout(() => {
      running = run();
    }, everyMs).unref();
  }

  async function run(): Promise<void> {
    const startedAt = clock.monotonic();
    try {
      const { finished, failed } = await reconciler.runOnce({ allOpenIntents: false });
      if (finished > 0 || failed > 0) {
        log.info('credentials_reconciled', 'Unfinished changes of credentials were finished', { count: finished, durationMs: clock.monotonic() - startedAt });
      }
    } catch (error) {
      log.error('reconcile_failed', 'Credentials could not be reconciled; the next run tries again', { error });
    }
    if (!stopped) timer = schedule();
  }

  return {
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await running;
    },
  };
}
