import { array, assert, asyncProperty, constantFrom } from 'fast-check';
import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { BusNews } from '../../ports/bus.ts';
import { RecordCache } from './record-cache.ts';

function movableClock() {
  let now = 1_000;
  return { now: () => now, monotonic: () => now, advance: (ms: number) => (now += ms) };
}

function deferred<T>() {
  return Promise.withResolvers<T>();
}

describe('RecordCache', () => {
  it('loads once per key while a load is under way, and keeps the value for its time to live', async () => {
    const clock = movableClock();
    const cache = new RecordCache<string>({ clock, ttlMs: 10_000, max: 10 });
    let loads = 0;
    const load = async () => ({ value: `v${(loads += 1)}`, version: 1 });
    expect(await Promise.all([cache.get('a', load), cache.get('a', load), cache.get('a', load)])).toEqual(['v1', 'v1', 'v1']);
    clock.advance(9_999);
    expect(await cache.get('a', load)).toBe('v1');
    clock.advance(1);
    expect(await cache.get('a', load)).toBe('v2');
  });

  it('counts the age from the beginning of the load', async () => {
    const clock = movableClock();
    const cache = new RecordCache<number>({ clock, ttlMs: 10_000, max: 10 });
    await cache.get('a', async () => {
      clock.advance(9_000);
      return { value: 1, version: 1 };
    });
    clock.advance(1_000);
    expect(await cache.get('a', async () => ({ value: 2, version: 1 }))).toBe(2);
  });

  it('keeps "none" like any other value', async () => {
    const cache = new RecordCache<string | undefined>({ clock: movableClock(), ttlMs: 10_000, max: 10 });
    let loads = 0;
    const load = async () => {
      loads += 1;
      return { value: undefined, version: 0 };
    };
    expect(await cache.get('a', load)).toBeUndefined();
    expect(await cache.get('a', load)).toBeUndefined();
    expect(loads).toBe(1);
  });

  it('does not keep errors; everyone who waited gets the error', async () => {
    const cache = new RecordCache<string>({ clock: movableClock(), ttlMs: 10_000, max: 10 });
    const failing = async () => {
      throw new Error('down');
    };
    const both = await Promise.allSettled([cache.get('a', failing), cache.get('a', failing)]);
    expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(await cache.get('a', async () => ({ value: 'up', version: 1 }))).toBe('up');
  });

  it('a load that throws before its promise is not left hanging', async () => {
    const cache = new RecordCache<string>({ clock: movableClock(), ttlMs: 10_000, max: 10 });
    await expect(
      cache.get('a', () => {
        throw new Error('at once');
      }),
    ).rejects.toThrow('at once');
    expect(await cache.get('a', async () => ({ value: 'x', version: 1 }))).toBe('x');
  });

  it('repeats a load that was under way when the key was invalidated', async () => {
    const cache = new RecordCache<string>({ clock: movableClock(), ttlMs: 10_000, max: 10 });
    const first = deferred<{ value: string; version: number }>();
    const answers = [first.promise, Promise.resolve({ value: 'new', version: 2 })];
    const result = cache.get('a', async () => (await answers.shift()) ?? { value: 'none', version: 3 });
    cache.invalidate('a');
    first.resolve({ value: 'old', version: 1 });
    expect(await result).toBe('new');
  });

  it('does not repeat a load that already saw the announced version', async () => {
    const cache = new RecordCache<string>({ clock: movableClock(), ttlMs: 10_000, max: 10 });
    const first = deferred<{ value: string; version: number }>();
    let loads = 0;
    const result = cache.get('a', () => {
      loads += 1;
      return first.promise;
    });
    cache.invalidate('a', 2);
    first.resolve({ value: 'new', version: 2 });
    expect(await result).toBe('new');
    expect(loads).toBe(1);
  });

  it('a version below the announced one is never returned: unavailable, and served as soon as the store has caught up', async () => {
    const cache = new RecordCache<string>({ clock: movableClock(), ttlMs: 10_000, max: 10 });
    cache.invalidate('a', 5);
    await expect(cache.get('a', async () => ({ value: 'old', version: 4 }))).rejects.toMatchObject({ code: 'unavailable', retryAfterSeconds: 1 });
    expect(await cache.get('a', async () => ({ value: 'new', version: 5 }))).toBe('new');
    cache.invalidate('a');
    await expect(cache.get('a', async () => ({ value: 'old', version: 4 }))).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('a load that was under way is not taken for new when so much has changed since that its key\'s change is forgotten', async () => {
    const cache = new RecordCache<string>({ clock: movableClock(), ttlMs: 10_000, max: 10 });
    const first = deferred<{ value: string; version: number }>();
    const answers = [first.promise, Promise.resolve({ value: 'revoked', version: 2 })];
    const result = cache.get('a', async () => (await answers.shift()) ?? { value: 'none', version: 3 });
    cache.invalidate('a', 2);
    for (let other = 0; other < 10; other += 1) cache.invalidate(`other ${other}`, 1);
    first.resolve({ value: 'live', version: 1 });
    expect(await result).toBe('revoked');
  });

  it('is renewed ahead of its time without anybody waiting, once at a time', async () => {
    const clock = movableClock();
    const cache = new RecordCache<string>({ clock, ttlMs: 10_000, max: 10 });
    let loads = 0;
    const load = async () => ({ value: `v${(loads += 1)}`, version: 1 });
    await cache.get('a', load);
    clock.advance(9_000);
    const renewed = Promise.all([cache.renew('a', load), cache.renew('a', load)]);
    expect(cache.get('a', load)).toBe('v1');
    await renewed;
    clock.advance(9_000);
    expect(cache.get('a', load)).toBe('v2');
    await expect(cache.renew('a', async () => Promise.reject(new Error('down')))).rejects.toThrow('down');
  });

  it('holds at most max entries and drops the one used least lately', async () => {
    const cache = new RecordCache<string>({ clock: movableClock(), ttlMs: 10_000, max: 2 });
    const loaded: string[] = [];
    const get = (key: string) =>
      cache.get(key, async () => {
        loaded.push(key);
        return { value: key, version: 1 };
      });
    await get('a');
    await get('b');
    await get('a');
    await get('c');
    await get('a');
    await get('b');
    expect(loaded).toEqual(['a', 'b', 'c', 'b']);
  });

  it('tells of hits and misses', async () => {
    const seen: boolean[] = [];
    const cache = new RecordCache<number>({ clock: movableClock(), ttlMs: 10_000, max: 10, observe: (hit) => seen.push(hit) });
    await cache.get('a', async () => ({ value: 1, version: 1 }));
    await cache.get('a', async () => ({ value: 1, version: 1 }));
    expect(seen).toEqual([false, true]);
  });

  it('S32: while the bus is not trusted an entry is believed for a second, and when something was missed for none', async () => {
    const clock = movableClock();
    let tell: (news: BusNews) => void = () => undefined;
    const bus = { trusted: true, subscribe: (receive: typeof tell) => ((tell = receive), () => undefined) };
    const cache = new RecordCache<number>({ clock, ttlMs: 10_000, max: 10, bus });
    let stored = 1;
    const read = async () => cache.get('a', async () => ({ value: stored, version: stored }));
    expect(await read()).toBe(1);
    stored = 2;
    bus.trusted = false;
    tell({ topic: 'missed' });
    expect(await read()).toBe(2);
    stored = 3;
    clock.advance(999);
    expect(await read()).toBe(2);
    clock.advance(1);
    expect(await read()).toBe(3);
    bus.trusted = true;
    tell({ topic: 'missed' });
    stored = 4;
    expect(await read()).toBe(4);
    clock.advance(9_999);
    stored = 5;
    expect(await read()).toBe(4);
  });

  it('S32: what is older than a second counts as beyond its time while the bus is not trusted, so that nobody is refused by it', async () => {
    const clock = movableClock();
    const bus = { trusted: true, subscribe: () => () => undefined };
    const cache = new RecordCache<number>({ clock, ttlMs: 10_000, max: 10, bus });
    await cache.get('a', async () => ({ value: 1, version: 1 }));
    clock.advance(2_000);
    expect(cache.staleMs('a')).toBe(0);
    bus.trusted = false;
    expect(cache.staleMs('a')).toBe(2_000);
  });

  it('S32: whether the bus is trusted is asked at each use, so that what a process knew before it stood still serves nobody after it', async () => {
    const clock = movableClock();
    let tell: (news: BusNews) => void = () => undefined;
    const heardAt = clock.monotonic();
    let noticed = false;
    const bus = {
      subscribe: (receive: typeof tell) => ((tell = receive), () => undefined),
      get trusted() {
        const isLate = clock.monotonic() - heardAt > 3_000;
        if (isLate && !noticed) {
          noticed = true;
          tell({ topic: 'missed' });
        }
        return !isLate;
      },
    };
    const cache = new RecordCache<string>({ clock, ttlMs: 10_000, max: 10, bus });
    await cache.get('known', async () => ({ value: 'before', version: 1 }));
    const reading = deferred<void>();
    let stored = 'before';
    const slow = cache.get('in flight', async () => {
      const value = stored;
      await reading.promise;
      return { value, version: 1 };
    });
    clock.advance(3_001);
    stored = 'after';
    reading.resolve();
    expect(await slow).toBe('after');
    expect(await cache.get('known', async () => ({ value: stored, version: 1 }))).toBe('after');
  });

  it.each([
    { announced: 'with its version', isVersioned: true },
    { announced: 'without a version', isVersioned: false },
  ])('property: whatever the order of writes, announcements $announced, missed ones and slow reads, nobody is given what was there before a change that they asked after', async ({ isVersioned }) => {
    const step = constantFrom('write', 'write unheard', 'read', 'settle', 'age');
    await assert(
      asyncProperty(array(step, { maxLength: 40 }), async (steps) => {
        const clock = movableClock();
        let tell: (news: BusNews) => void = () => undefined;
        const bus = { trusted: true, subscribe: (receive: typeof tell) => ((tell = receive), () => undefined) };
        const cache = new RecordCache<number>({ clock, ttlMs: 10, max: 4, bus });
        let stored = 1;
        const waiting: (() => void)[] = [];
        const reads: Promise<unknown>[] = [];
        for (const action of steps) {
          if (action === 'write') {
            stored += 1;
            cache.invalidate('k', isVersioned ? stored : undefined);
          } else if (action === 'write unheard') {
            stored += 1;
            tell({ topic: 'missed' });
          } else if (action === 'read') {
            const atLeast = stored;
            const read = Promise.resolve(cache.get('k', async () => {
              const version = stored;
              const { promise, resolve } = deferred<void>();
              waiting.push(() => resolve());
              await promise;
              return { value: version, version: isVersioned ? version : 0 };
            }));
            reads.push(
              read.then(
                (value) => expect(value).toBeGreaterThanOrEqual(atLeast),
                (error: unknown) => expect(error).toMatchObject({ code: 'unavailable' }),
              ),
            );
          } else if (action === 'settle') {
            waiting.shift()?.();
            await Promise.resolve();
          } else clock.advance(6);
        }
        const landing = { done: false };
        const all = Promise.all(reads).finally(() => {
          landing.done = true;
        });
        while (!landing.done) {
          waiting.shift()?.();
          await setImmediate();
        }
        await all;
      }),
      { numRuns: 200 },
    );
  });
});
