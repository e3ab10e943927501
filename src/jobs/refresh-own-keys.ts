import type { OwnKeys } from '../core/own-keys/own-keys.ts';

/** Below the five minutes for which what was read counts (R2.3), so that it never runs out while Vault answers. */
const EVERY_MS = 4 * 60 * 1000;
const AFTER_FAILURE_MS = 10_000;

export interface RefreshOwnKeysOptions {
  readonly ownKeys: Pick<OwnKeys, 'refresh'>;
  readonly everyMs?: number;
  readonly afterFailureMs?: number;
}

export interface RefreshOwnKeysJob {
  /** No reading begins any more; resolves when the one that is under way has ended. */
  stop(): Promise<void>;
}

/** Reads the service's own keys again in time, and soon after a failure. Does not keep the process alive. */
export function startRefreshingOwnKeys({ ownKeys, everyMs = EVERY_MS, afterFailureMs = AFTER_FAILURE_MS }: RefreshOwnKeysOptions): RefreshOwnKeysJob {
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  let running = run();

  async function run(): Promise<void> {
    const succeeded = await ownKeys.refresh();
    if (stopped) return;
    timer = setTimeout(() => {
      running = run();
    }, succeeded ? everyMs : afterFailureMs).unref();
  }

  return {
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await running;
    },
  };
}
