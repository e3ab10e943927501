import { describe, expect, it } from 'vitest';
import { createMemoryStore } from '../../adapters/metadata-store/memory/memory-store.ts';
import { KeyholdError } from '../../ports/errors.ts';
import type { LeaseRecord, LeaseRepository } from '../../ports/metadata/leases.ts';
import { TestClock } from '../../../test/support/credential-world.ts';
import { Lease } from './lease.ts';

const termMs = 30_000;

/** A machine of its own for each replica: no two clocks agree. */
function replicas() {
  const { leases } = createMemoryStore();
  const key = { name: 'job' };
  const replica = (name: string, { alone = false, through = leases, ms = termMs }: { alone?: boolean; through?: LeaseRepository; ms?: number } = {}) => {
    const clock = new TestClock();
    clock.advance(name.length * 1_234_567);
    return { clock, lease: new Lease({ leases: through, name: 'job', replica: name, clock, termMs: ms, alone: () => alone }) };
  };
  const record = async (): Promise<LeaseRecord | undefined> => (await leases.get(key))?.record;
  return { leases, replica, record };
}

describe('a lease', () => {
  it('is of one replica, who keeps it by renewing it', async () => {
    const { replica, record } = replicas();
    const [one, other] = [replica('a'), replica('bb')];
    expect([await one.lease.tend(), await other.lease.tend()]).toEqual([true, false]);
    for (let round = 0; round < 20; round += 1) {
      for (const { clock } of [one, other]) clock.advance(10_000);
      expect([await one.lease.tend(), await other.lease.tend()]).toEqual([true, false]);
    }
    expect(await record()).toMatchObject({ holder: 'a', termMs });
  });

  it('of takers that begin together one has it, also of a lease that is let go or left', async () => {
    const { replica } = replicas();
    const all = Array.from({ length: 6 }, (_, index) => replica('r'.repeat(index + 1)));
    const holders = async () => (await Promise.all(all.map(({ lease }) => lease.tend()))).filter(Boolean).length;
    expect(await holders()).toBe(1);
    const first = all.find(({ lease }) => lease.isHeld);
    await first?.lease.release();
    expect(first?.lease.isHeld).toBe(false);
    expect(await holders()).toBe(1);
    const dead = all.find(({ lease }) => lease.isHeld);
    const alive = all.filter((other) => other !== dead);
    const among = async () => (await Promise.all(alive.map(({ lease }) => lease.tend()))).filter(Boolean).length;
    expect(await among()).toBe(0);
    for (const { clock } of alive) clock.advance(termMs);
    expect(await among()).toBe(1);
  });

  it('is taken over only after its whole term was seen to pass without a renewal, whatever the clocks on the walls say', async () => {
    const { replica, record } = replicas();
    const [dead, taker] = [replica('a'), replica('bb')];
    await dead.lease.tend();
    expect(await taker.lease.tend()).toBe(false);
    taker.clock.jump(365 * 24 * 3_600_000);
    expect(await taker.lease.tend()).toBe(false);
    taker.clock.jump(-730 * 24 * 3_600_000);
    taker.clock.advance(termMs - 1);
    expect(await taker.lease.tend()).toBe(false);
    taker.clock.advance(1);
    expect(await taker.lease.tend()).toBe(true);
    expect(await record()).toMatchObject({ holder: 'bb' });
  });

  it('is taken over by its holder\'s term, not by the taker\'s own', async () => {
    const { replica } = replicas();
    const slow = replica('a', { ms: 300_000 });
    const quick = replica('bb', { ms: 3_000 });
    await slow.lease.tend();
    await quick.lease.tend();
    quick.clock.advance(299_999);
    expect(await quick.lease.tend()).toBe(false);
    quick.clock.advance(1);
    expect(await quick.lease.tend()).toBe(true);
  });

  it('a holder that stood still knows before it writes, and cannot renew what was taken over', async () => {
    const { replica, record } = replicas();
    const [stopped, taker] = [replica('a'), replica('bb')];
    await stopped.lease.tend();
    await taker.lease.tend();
    for (const { clock } of [stopped, taker]) clock.advance(60_000);
    expect(stopped.lease.isHeld).toBe(false);
    expect(await taker.lease.tend()).toBe(true);
    expect(await stopped.lease.tend()).toBe(false);
    expect(await record()).toMatchObject({ holder: 'bb' });
    expect(taker.lease.isHeld).toBe(true);
  });

  it('a machine whose monotonic clock stood still with it finds out as well, and goes on when nobody took over', async () => {
    const { replica } = replicas();
    const { clock, lease } = replica('a');
    await lease.tend();
    clock.jump(60_000);
    expect(lease.isHeld).toBe(false);
    expect(await lease.tend()).toBe(true);
    clock.jump(-3_600_000);
    expect(lease.isHeld).toBe(true);
    clock.advance(termMs);
    expect(lease.isHeld).toBe(false);
  });

  it('is not held any more when it could not be renewed within the term, and is again when the database is back', async () => {
    const { leases, replica } = replicas();
    let down = false;
    const through: LeaseRepository = {
      ...pass(leases),
      replace: async (...args) => {
        if (down) throw new KeyholdError('unavailable', 'The database is away.');
        return leases.replace(...args);
      },
    };
    const { clock, lease } = replica('a', { through });
    await lease.tend();
    down = true;
    clock.advance(20_000);
    await expect(lease.tend()).rejects.toMatchObject({ code: 'unavailable' });
    expect(lease.isHeld).toBe(true);
    clock.advance(10_000);
    expect(lease.isHeld).toBe(false);
    down = false;
    expect(await lease.tend()).toBe(true);
  });

  it('an answer that was lost on the way is told from a takeover', async () => {
    const { leases, replica, record } = replicas();
    let loses = false;
    const through: LeaseRepository = {
      ...pass(leases),
      create: async (...args) => answered(leases.create(...args)),
      replace: async (...args) => answered(leases.replace(...args)),
    };
    async function answered<T>(write: Promise<T>): Promise<T> {
      const stored = await write;
      if (loses) throw new KeyholdError('unavailable', 'The answer was lost.');
      return stored;
    }
    const { clock, lease } = replica('a', { through });
    loses = true;
    await expect(lease.tend()).rejects.toMatchObject({ code: 'unavailable' });
    expect(lease.isHeld).toBe(false);
    loses = false;
    expect(await lease.tend()).toBe(true);
    loses = true;
    clock.advance(10_000);
    await expect(lease.tend()).rejects.toMatchObject({ code: 'unavailable' });
    loses = false;
    clock.advance(10_000);
    expect(await lease.tend()).toBe(true);
    expect(await record()).toMatchObject({ holder: 'a' });
  });

  it('is taken at once by who is alone', async () => {
    const { replica } = replicas();
    await replica('a').lease.tend();
    expect(await replica('bb', { alone: true }).lease.tend()).toBe(true);
  });

  it('keeps what is noted, through renewals, takeovers and the stop', async () => {
    const { replica, record } = replicas();
    const [one, other] = [replica('a'), replica('bb')];
    const lastRun = { replica: 'a', startedAt: 1, endedAt: 2, outcome: 'ok', code: null, counts: { vault: 3 } } as const;
    await one.lease.tend();
    await one.lease.tend({ lastRun, nextRunAt: 5 });
    expect(await record()).toMatchObject({ lastRun, nextRunAt: 5 });
    await one.lease.tend();
    await one.lease.release({ lastRun: { ...lastRun, endedAt: 3 } });
    expect(await record()).toMatchObject({ holder: null, lastRun: { endedAt: 3 }, nextRunAt: null });
    await other.lease.tend();
    expect(other.lease.record).toMatchObject({ holder: 'bb', lastRun: { endedAt: 3 } });
  });
});

function pass(leases: LeaseRepository): LeaseRepository {
  return { get: (...args) => leases.get(...args), create: (...args) => leases.create(...args), replace: (...args) => leases.replace(...args), remove: (...args) => leases.remove(...args) };
}
