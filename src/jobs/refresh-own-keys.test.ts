import { describe, expect, it } from 'vitest';
import { until } from '../../test/support/outcome.ts';
import { startRefreshingOwnKeys } from './refresh-own-keys.ts';

function counting(results: readonly boolean[]) {
  const state = { reads: 0 };
  const ownKeys = {
    refresh: async (): Promise<boolean> => {
      state.reads += 1;
      return results[state.reads - 1] ?? true;
    },
  };
  return { state, ownKeys };
}

describe('the job that reads the service\'s own keys again', () => {
  it('waits after a success, and tries again soon after a failure', async () => {
    const waiting = counting([]);
    const slow = startRefreshingOwnKeys({ ownKeys: waiting.ownKeys, succeeded: true, isConnected: () => true, everyMs: 60_000, afterFailureMs: 1 });
    const failing = counting([false, false, true]);
    const soon = startRefreshingOwnKeys({ ownKeys: failing.ownKeys, succeeded: false, isConnected: () => true, everyMs: 60_000, afterFailureMs: 1 });
    await until('it has been read three times', () => failing.state.reads === 3);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect([waiting.state.reads, failing.state.reads]).toEqual([0, 3]);
    await Promise.all([slow.stop(), soon.stop()]);
  });

  it('tries again as soon as Vault is back', async () => {
    let connected = false;
    const { state, ownKeys } = counting([]);
    const job = startRefreshingOwnKeys({ ownKeys, succeeded: false, isConnected: () => connected, afterFailureMs: 600_000 });
    await new Promise((resolve) => setTimeout(resolve, 600));
    expect(state.reads).toBe(0);
    connected = true;
    await until('it has been read', () => state.reads === 1);
    await job.stop();
  });

  it('reads no more once it is stopped', async () => {
    const { state, ownKeys } = counting([]);
    const job = startRefreshingOwnKeys({ ownKeys, succeeded: true, isConnected: () => true, everyMs: 5 });
    await until('it has been read', () => state.reads > 0);
    await job.stop();
    const before = state.reads;
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(state.reads).toBe(before);
  });
});
