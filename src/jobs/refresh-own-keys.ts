import type { OwnKeys } from '../core/own-keys/own-keys.ts';

/** Below the five minutes for which what was read counts (R2.3), so that it never runs out while Vault answers. */
const EVERY_MS = 4 * 60 * 1000;
const AFTER_FAILURE_MS = 10_000;

export interface RefreshOwnKeysOptions {
  readonly ownKeys: Pick<OwnKeys, 'refresh'>;
  /** Whether the reading at the start, which comes before this job, did. */
  readonly succeeded: boolean;
  readonly everyMs?: number;
  readonly afterFailureMs?: number;
}

export interface RefreshOwnKeysJob {
  /** No reading begins any more; resolves when the one that is under way has ended. */
  stop(): Promise<void>;
}

/** Reads the service's own keys again in time, and soon after a failure. Does not keep the process alive. */
export function startRefreshingOwnKeys({ ownKeys, succeeded, everyMs = EVERY_MS, afterFailureMs = AFTER_FAILURE_MS }: RefreshOwnKeysOptions): RefreshOwnKeysJob {
  let stopped = false;
  let running = Promise.resolve();
  let timer = schedule(succeeded);

  function schedule(succeededNow: boolean): NodeJS.Timeout {
    return setTimeout(() => {
      running = run();
    }, succeededNow ? everyMs : afterFailureMs).unref();
  }

  async function run(): Promise<void> {
    const succeededNow = await ownKeys.refresh();
    if (!stopped) timer = schedule(succeededNow);
  }

  return {
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await running;
    },
  };
}
