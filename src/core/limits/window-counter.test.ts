import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { TestClock } from '../../../test/support/credential-world.ts';
import type { WindowAnswer, WindowAsk } from '../../ports/limit-leases.ts';
import { LeaseWay } from './lease-way.ts';
import { WindowCounter } from './window-counter.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
afterEach(() => void vi.useRealTimers());

const MAX = 1_280;

/** A counter, and whoever it asks, who answers when the test says so. */
function world() {
  const clock = new TestClock();
  const asked: { readonly ask: WindowAsk; readonly answer: (answer: Partial<WindowAnswer>) => void }[] = [];
  const window = (ask: WindowAsk): Promise<WindowAnswer> => {
    const next = Promise.withResolvers<WindowAnswer>();
    asked.push({ ask, answer: (answer) => next.resolve({ granted: ask.need + ask.surplus, window: 7, leftMs: 60_000, left: 100, ...answer }) });
    return next.promise;
  };
  const way = new LeaseWay({ leases: { kind: 'redis', window, held: async () => 0 }, clock, processes: () => ({ all: 4, asking: 1 }) });
  const counter = new WindowCounter(way, 'k', 60_000);
  const pass = async (ms: number): Promise<void> => {
    clock.advance(ms);
    await vi.advanceTimersByTimeAsync(ms);
  };
  const ready = (amount = 1) => counter.ready(amount, MAX, clock.monotonic());
  return { clock, asked, counter, pass, ready };
}

describe('one process\'s share of a window (R5.4)', () => {
  it('asks once for all that ask in one moment, and for more before it has nothing left', async () => {
    const { asked, counter, pass, ready } = world();
    for (let count = 0; count < 5; count += 1) void counter.ask(1, MAX);
    await pass(0);
    expect(asked.map(({ ask: { need, surplus } }) => [need, surplus])).toEqual([[5, 0]]);
    asked[0]?.answer({});
    await pass(0);
    for (let count = 0; count < 5; count += 1) {
      expect(ready()).toBe('yes');
      counter.take(1, MAX);
    }
    await pass(0);
    expect(asked.map(({ ask: { need, surplus } }) => [need, surplus]).slice(1)).toEqual([[0, 10]]);
  });

  it('gives back what nobody wanted for a while, and what was put back, and does not take it meanwhile', async () => {
    const { clock, asked, counter, pass, ready } = world();
    void counter.ask(100, MAX);
    await pass(0);
    asked[0]?.answer({});
    await pass(0);
    counter.take(100, MAX);
    await pass(0);
    asked[1]?.answer({ granted: 0 });
    await pass(0);
    counter.putBack(40, 7);
    expect(ready(40)).toBe('yes');
    counter.tidy(MAX, clock.monotonic());
    counter.tidy(MAX, clock.monotonic());
    expect(asked.at(-1)?.ask).toMatchObject({ need: 0, surplus: 0, back: { window: 7, amount: 40 } });
    expect(ready(1)).toBe('ask');
    counter.putBack(5, 6);
    expect(ready(1)).toBe('ask');
  });

  it('a part is good for its own window only, counted from when it was asked for', async () => {
    const { asked, counter, pass, ready } = world();
    void counter.ask(1, MAX);
    await pass(0);
    await pass(30);
    asked[0]?.answer({ leftMs: 100 });
    await pass(69);
    expect(ready()).toBe('yes');
    await pass(1);
    expect(ready()).toBe('ask');
  });

  it('an answer that comes after a later one changes nothing', async () => {
    const { asked, counter, pass, ready } = world();
    void counter.ask(1, MAX);
    await pass(500);
    // Away: a share of its own, which is told when the way is open again.
    expect(ready(320)).toBe('yes');
    expect(ready(321)).toBe('full');
    counter.take(2, MAX);
    await pass(1_000);
    expect(ready(318)).toBe('yes');
    asked[1]?.answer({});
    await pass(0);
    void counter.ask(1, MAX);
    await pass(0);
    expect(asked[2]?.ask.back.amount).toBe(-2);
    asked[2]?.answer({ window: 8, granted: 1, left: 0 });
    await pass(0);
    asked[0]?.answer({ window: 7, granted: 5 });
    await pass(0);
    expect([counter.window, ready(1), ready(2)]).toEqual([8, 'yes', 'ask']);
  });
});
