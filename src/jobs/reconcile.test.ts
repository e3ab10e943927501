import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { RecordingLog, TestClock } from '../../test/support/credential-world.ts';
import { startReconciling } from './reconcile.ts';

describe('the reconciling job', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('runs each minute, one run at a time, also after a failure', async () => {
    const log = new RecordingLog();
    const ends: (() => void)[] = [];
    let runs = 0;
    const reconciler = {
      runOnce: async ({ allOpenIntents }: { allOpenIntents: boolean }) => {
        expect(allOpenIntents).toBe(false);
        runs += 1;
        if (runs === 1) throw new Error('the database is away');
        await new Promise<void>((resolve) => ends.push(resolve));
        return { finished: 2, failed: 0 };
      },
    };
    const job = startReconciling({ reconciler, clock: new TestClock(), log });
    expect(runs).toBe(0);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(log.of('reconcile_failed')).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(runs).toBe(2);
    await vi.advanceTimersByTimeAsync(600_000);
    expect(runs).toBe(2);
    const stopped = job.stop();
    let isStopped = false;
    void stopped.finally(() => {
      isStopped = true;
    });
    await vi.advanceTimersByTimeAsync(1);
    expect(isStopped).toBe(false);
    ends.forEach((end) => {
      end();
    });
    await stopped;
    expect(log.of('credentials_reconciled')).toMatchObject([{ fields: { count: 2 } }]);
    await vi.advanceTimersByTimeAsync(600_000);
    expect(runs).toBe(2);
  });
});
