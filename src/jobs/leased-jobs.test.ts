import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createMemoryStore } from '../adapters/metadata-store/memory/memory-store.ts';
import { RecordingLog } from '../../test/support/recording-log.ts';
import { KeyholdError } from '../ports/errors.ts';
import type { LeaseRepository } from '../ports/metadata/leases.ts';
import type { LeasedJob } from './leased-job.ts';
import { LeasedJobs } from './leased-jobs.ts';

const termMs = 30_000;
const everyMs = 60_000;

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

/** One replica, with a clock that can be stopped as SIGSTOP stops a process: its timers come late, and all at once. */
function replica(name: string, leases: LeaseRepository, { alone = false, more = {} }: { alone?: boolean; more?: Partial<LeasedJob> } = {}) {
  const log = new RecordingLog();
  const state = { runs: 0, stopped: 0, told: [] as unknown[], mayGoOn: () => false, work: async (): Promise<Record<string, number> | undefined> => undefined };
  const job: LeasedJob = {
    name: 'job',
    description: 'A job.',
    everyMs,
    failure: { event: 'job_failed', message: 'The job failed' },
    run: async (mayGoOn) => {
      state.runs += 1;
      state.mayGoOn = mayGoOn;
      return state.work();
    },
    told: (counts) => void state.told.push(counts),
    ...more,
  };
  const clock = { now: () => Date.now(), monotonic: () => performance.now() };
  const jobs = new LeasedJobs({ leases, jobs: [job], replica: name, alone: () => alone, clock, log, termMs });
  return { log, state, jobs };
}

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

describe('jobs that are done once over all replicas', () => {
  it('run at once and then again and again, on one replica alone', async () => {
    const { leases } = createMemoryStore();
    const [one, other] = [replica('a', leases), replica('b', leases)];
    await one.jobs.start();
    await other.jobs.start();
    await pass(0);
    expect([one.state.runs, other.state.runs]).toEqual([1, 0]);
    await pass(10 * everyMs);
    expect([one.state.runs, other.state.runs]).toEqual([11, 0]);
    expect((await leases.get({ name: 'job' }))?.record).toMatchObject({ holder: 'a', lastRun: { replica: 'a', outcome: 'ok', code: null } });
    await one.jobs.stop();
    await pass(termMs / 3 + 1);
    expect([one.state.runs, other.state.runs]).toEqual([11, 1]);
    await other.jobs.stop();
    await pass(10 * everyMs);
    expect([one.state.runs, other.state.runs]).toEqual([11, 1]);
    expect((await leases.get({ name: 'job' }))?.record).toMatchObject({ holder: null, lastRun: { replica: 'b' } });
  });

  it('go to another replica when theirs dies, a term later', async () => {
    const { leases } = createMemoryStore();
    const alive = replica('b', leases);
    await leases.create({ name: 'job' }, { holder: 'dead', termMs, lastRun: null, nextRunAt: null });
    await alive.jobs.start();
    await pass(termMs - 1);
    expect(alive.state.runs).toBe(0);
    await pass(termMs / 3 + 1);
    expect(alive.state.runs).toBe(1);
    await alive.jobs.stop();
  });

  it('are taken at once from a dead process by who is alone', async () => {
    const { leases } = createMemoryStore();
    await leases.create({ name: 'job' }, { holder: 'dead', termMs, lastRun: null, nextRunAt: null });
    const { jobs, state } = replica('b', leases, { alone: true });
    await jobs.start();
    await pass(0);
    expect(state.runs).toBe(1);
    await jobs.stop();
  });

  it('stop between two steps where they stood still, and are not begun there again', async () => {
    const { leases } = createMemoryStore();
    const stopped = replica('a', leases);
    const goes = Promise.withResolvers<undefined>();
    stopped.state.work = () => goes.promise;
    await stopped.jobs.start();
    await pass(0);
    expect([stopped.state.runs, stopped.state.mayGoOn()]).toEqual([1, true]);
    // Another took it over while this one stood still.
    const { record, revision } = (await leases.get({ name: 'job' }))!;
    await leases.replace({ name: 'job' }, { ...record, holder: 'b', lastRun: { replica: 'b', startedAt: 1, endedAt: 2, outcome: 'ok', code: null, counts: { vault: 2 } } }, revision);
    vi.setSystemTime(Date.now() + termMs);
    expect(stopped.state.mayGoOn()).toBe(false);
    await pass(termMs / 3);
    expect(stopped.state.mayGoOn()).toBe(false);
    expect(stopped.log.of('job_taken_over')).toMatchObject([{ fields: { name: 'job' } }]);
    expect(stopped.state.told).toEqual([{ vault: 2 }]);
    goes.resolve(undefined);
    await pass(termMs / 3);
    expect(stopped.state.runs).toBe(1);
    await stopped.jobs.stop();
    expect((await leases.get({ name: 'job' }))?.record.holder).not.toBe('a');
  });

  it('go on after the clock on the wall was set, forward and back', async () => {
    const { leases } = createMemoryStore();
    const { jobs, state } = replica('a', leases);
    await jobs.start();
    await pass(0);
    for (const jump of [3_600_000, -7_200_000, 86_400_000]) {
      vi.setSystemTime(Date.now() + jump);
      const before = state.runs;
      await pass(2 * everyMs + termMs);
      expect(state.runs - before).toBeGreaterThanOrEqual(1);
    }
    await jobs.stop();
  });

  it('that fail say so, and are tried again', async () => {
    const { leases } = createMemoryStore();
    const { jobs, log, state } = replica('a', leases, { more: { afterFailureMs: 1_000 } });
    state.work = async () => Promise.reject(new KeyholdError('unavailable', 'Away.'));
    await jobs.start();
    await pass(1_000);
    expect(state.runs).toBe(2);
    expect(log.of('job_failed')).toHaveLength(2);
    await jobs.stop();
    expect((await leases.get({ name: 'job' }))?.record.lastRun).toMatchObject({ outcome: 'failed', code: 'unavailable' });
  });

  it('rest while nobody can say whose they are, with one line about it, and go on when that is known', async () => {
    const { leases } = createMemoryStore();
    let down = false;
    const through: LeaseRepository = {
      get: (...args) => leases.get(...args),
      create: (...args) => leases.create(...args),
      replace: async (...args) => (down ? Promise.reject(new KeyholdError('unavailable', 'Away.')) : leases.replace(...args)),
      remove: (...args) => leases.remove(...args),
    };
    const { jobs, log, state } = replica('a', through);
    await jobs.start();
    await pass(0);
    down = true;
    await pass(5 * everyMs);
    expect(state.runs).toBe(1);
    expect(log.of('job_lease_unknown')).toHaveLength(1);
    down = false;
    await pass(termMs / 3 + 1);
    expect(state.runs).toBe(2);
    await jobs.stop();
  });

  it('that somebody wakes run at once, and once more when they were running', async () => {
    const { leases } = createMemoryStore();
    const [one, other] = [replica('a', leases), replica('b', leases)];
    await one.jobs.start();
    await other.jobs.start();
    await pass(0);
    one.jobs.wake('job');
    other.jobs.wake('job');
    await pass(0);
    expect([one.state.runs, other.state.runs]).toEqual([2, 0]);
    const goes = Promise.withResolvers<undefined>();
    one.state.work = () => goes.promise;
    one.jobs.wake('job');
    await pass(0);
    one.jobs.wake('job');
    await pass(0);
    expect(one.state.runs).toBe(3);
    goes.resolve(undefined);
    await pass(0);
    expect(one.state.runs).toBe(4);
    await one.jobs.stop();
    await other.jobs.stop();
  });

  it('are waited for at the stop, and may not go on then', async () => {
    const { leases } = createMemoryStore();
    const { jobs, state } = replica('a', leases);
    const goes = Promise.withResolvers<undefined>();
    state.work = () => goes.promise;
    await jobs.start();
    await pass(0);
    let isStopped = false;
    const stopping = jobs.stop().then(() => (isStopped = true));
    await pass(1);
    expect([isStopped, state.mayGoOn()]).toEqual([false, false]);
    goes.resolve(undefined);
    await stopping;
    expect((await leases.get({ name: 'job' }))?.record.holder).toBeNull();
  });
});
