import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { TestClock } from '../../../test/support/credential-world.ts';
import type { LimitLeases, WindowAnswer } from '../../ports/limit-leases.ts';
import { LeaseWay } from './lease-way.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
afterEach(() => void vi.useRealTimers());

const answer: WindowAnswer = { granted: 1, window: 1, leftMs: 1_000, left: 0 };
const ask = { key: 'k', windowMs: 1_000, max: 1, need: 1, surplus: 0, back: { window: -1, amount: 0 }, beyond: 0 };

function world(kind: LimitLeases['kind'] = 'redis', processes = { all: 8, asking: 2 }) {
  const clock = new TestClock();
  const asked: PromiseWithResolvers<WindowAnswer>[] = [];
  const window = () => {
    const next = Promise.withResolvers<WindowAnswer>();
    asked.push(next);
    return next.promise;
  };
  const way = new LeaseWay({ leases: { kind, window, held: async () => 0 }, clock, processes: () => processes });
  const pass = async (ms: number): Promise<void> => {
    clock.advance(ms);
    await vi.advanceTimersByTimeAsync(ms);
  };
  return { way, clock, asked, pass };
}

describe('the way to who gives out parts of limits (R5.4)', () => {
  it('is lost after half a second of silence, or at once when asking fails; then it is tried each second without anybody waiting', async () => {
    const { way, clock, asked, pass } = world();
    const taken: number[] = [];
    const first = way.window(ask, ({ granted }) => taken.push(granted));
    await pass(499);
    expect(way.isAway(clock.monotonic())).toBe(false);
    await pass(1);
    expect([await first, way.isAway(clock.monotonic()), asked.length]).toEqual([false, true, 1]);
    await pass(999);
    expect([way.isAway(clock.monotonic()), asked.length]).toEqual([true, 1]);
    await pass(1);
    expect([way.isAway(clock.monotonic()), asked.length]).toEqual([true, 2]);
    asked[1]?.reject(new Error('away'));
    await pass(0);
    await pass(1_000);
    expect([way.isAway(clock.monotonic()), asked.length]).toEqual([true, 3]);
    asked[2]?.resolve(answer);
    await pass(0);
    expect(way.isAway(clock.monotonic())).toBe(false);
    // What was given out counts also when it comes late.
    asked[0]?.resolve(answer);
    await pass(0);
    expect(taken).toEqual([1]);
  });

  it('in Redis all ask for parts of the whole limit, and have a share each while it is away: never nothing', () => {
    const { way } = world();
    expect([way.partOf(100), way.shareOf(100), way.shareOf(7)]).toEqual([100, 12, 1]);
  });

  it('without Redis each machine has a part by its processes, and each process a share of that', () => {
    const { way } = world('workers');
    expect([way.partOf(100), way.shareOf(way.partOf(100)), way.partOf(1)]).toEqual([25, 12, 1]);
    expect(world('process', { all: 1, asking: 1 }).way.partOf(100)).toBe(100);
  });
});
