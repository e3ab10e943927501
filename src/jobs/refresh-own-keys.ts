import type { OwnKeys } from '../core/own-keys/own-keys.ts';

/** Below the five minutes for which what was read counts (R2.3), so that it never runs out while Vault answers. */
const EVERY_MS = 4 * 60 * 1000;
const AFTER_FAILURE_MS = 10_000;
const LOOK_MS = 250;

export interface RefreshOwnKeysOptions {
  readonly ownKeys: Pick<OwnKeys, 'refresh'>;
  /** Whether the reading at the start, which comes before this job, did. */
  readonly succeeded: boolean;
  /** Whether Vault is there, by what is known without asking it. */
  readonly isConnected: () => boolean;
  readonly everyMs?: number;
  readonly afterFailureMs?: number;
}

export interface RefreshOwnKeysJob {
  /** No reading begins any more; resolves when the one that is under way has ended. */
  stop(): Promise<void>;
}

/** Reads the service's own keys again in time; after a failure, as soon as Vault is back, and now and then. Does not keep the process alive. */
export function startRefreshingOwnKeys({ ownKeys, succeeded, isConnected, everyMs = EVERY_MS, afterFailureMs = AFTER_FAILURE_MS }: RefreshOwnKeysOptions): RefreshOwnKeysJob {
  let stopped = false;
  let running = Promise.resolve();
  let timer = next(succeeded);

  function next(succeededNow: boolean): NodeJS.Timeout {
    return succeededNow ? setTimeout(begin, everyMs).unref() : watch(afterFailureMs, isConnected());
  }

  function watch(leftMs: number, wasConnected: boolean): NodeJS.Timeout {
    return setTimeout(() => {
      const connected = isConnected();
      if (leftMs <= LOOK_MS || (connected && !wasConnected)) begin();
      else timer = watch(leftMs - LOOK_MS, connected);
    }, Math.min(LOOK_MS, leftMs)).unref();
  }

  function begin(): void {
    running = run();
  }

  async function run(): Promise<void> {
    const succeededNow = await ownKeys.refresh();
    if (!stopped) timer = next(succeededNow);
  }

  return {
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await running;
    },
  };
}
