import { describe, expect, it } from 'vitest';
import { TestClock } from '../../test/support/credential-world.ts';
import { RecordingLog } from '../../test/support/recording-log.ts';
import { WaitingValues } from '../core/stores/waiting-values.ts';
import type { ReconcileOptions } from '../core/credentials/reconciler.ts';
import { reconcileJob } from './reconcile.ts';

function world(startHas = false) {
  const log = new RecordingLog();
  const asked: ReconcileOptions[] = [];
  const gauge: unknown[] = [];
  const waiting = new WaitingValues({ metrics: { valuesWaiting: (metric) => void gauge.push(metric) }, log });
  const reconciler = {
    finished: 0,
    runOnce: async (options: ReconcileOptions) => {
      asked.push(options);
      return { finished: reconciler.finished, failed: 0 };
    },
  };
  return { log, asked, gauge, waiting, reconciler, job: reconcileJob({ reconciler, waiting, clock: new TestClock(), log, startHas }) };
}

describe('the reconciling job', () => {
  it('finishes only what has expired, since another replica may be at work, and says what it did', async () => {
    const { log, asked, reconciler, job } = world();
    const mayGoOn = () => true;
    await job.run(mayGoOn);
    expect(log.lines).toEqual([]);
    reconciler.finished = 2;
    await job.run(mayGoOn);
    expect(asked).toEqual([{ allOpenIntents: false, mayGoOn }, { allOpenIntents: false, mayGoOn }]);
    expect(log.of('credentials_reconciled')).toMatchObject([{ fields: { count: 2 } }]);
  });

  it('begins at once where a replica that is gone may have left something, and a minute later where the start has done that', () => {
    expect([world().job.firstAfterMs, world(true).job.firstAfterMs]).toEqual([0, 60_000]);
  });

  it('R3.5: tells other replicas how many values wait, but for what is in tenants\' own vaults', async () => {
    const [one, other] = [world(), world()];
    one.waiting.counted(new Map([['vault', 3], ['vault:acme/v1', 5], ['sealed', 0]] as const));
    const counts = await one.job.run(() => true);
    expect(counts).toEqual({ vault: 3 });
    other.job.told?.(counts ?? {});
    expect(other.waiting.of('vault')).toBe(3);
    expect(other.gauge).toEqual([{ store: 'vault', count: 3 }]);
    other.job.told?.({});
    expect(other.waiting.of('vault')).toBe(0);
  });
});
