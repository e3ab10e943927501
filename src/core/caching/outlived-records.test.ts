import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { repeatableRandom, TestClock } from '../../../test/support/credential-world.ts';
import { RecordingLog } from '../../../test/support/recording-log.ts';
import { KeyholdError } from '../../ports/errors.ts';
import { Source } from '../outages/source.ts';
import { StaleReport } from '../outages/stale-report.ts';
import { type Loaded, RecordCache } from './record-cache.ts';

const TTL_MS = 10_000;
const LIMIT_MS = 60_000;
const down = new KeyholdError('unavailable', 'The database cannot answer now.');

function underTest({ limitMs = LIMIT_MS, max = 2_000, aheadMs = 0 } = {}) {
  const clock = new TestClock();
  const log = new RecordingLog();
  const told: { readonly source: string; readonly ageMs: number }[] = [];
  const report = new StaleReport('database', { clock, log, metrics: { servedStale: (metric) => told.push(metric) } });
  const state = { error: undefined as Error | undefined, silent: false, delayMs: 0, alive: true, version: 1, loads: 0, atOnce: 0, most: 0, names: new Map<string, string>() };
  const isAlive = async (): Promise<boolean> => {
    if (state.silent) await new Promise(() => undefined);
    return state.alive && state.error === undefined;
  };
  const source = new Source({ name: 'database', staleLimitMs: limitMs, isAlive, clock, random: repeatableRandom(), report });
  const cache = new RecordCache<string | undefined>({ clock, ttlMs: TTL_MS, aheadMs, max, outlives: (value) => value !== undefined, from: { source } });
  const load = (key: string) => async (): Promise<Loaded<string | undefined>> => {
    state.loads += 1;
    state.atOnce += 1;
    state.most = Math.max(state.most, state.atOnce);
    try {
      if (state.silent) await new Promise(() => undefined);
      if (state.delayMs > 0) await sleep(state.delayMs);
      if (state.error !== undefined) throw state.error;
      return { value: state.names.get(key), version: state.version };
    } finally {
      state.atOnce -= 1;
    }
  };
  const get = (key: string) => cache.get(key, load(key));
  state.names.set('a', 'value of a');
  return { clock, log, told, source, cache, state, load, get };
}

async function toldOutage({ state, get }: ReturnType<typeof underTest>): Promise<void> {
  state.error = down;
  await get('a');
}

describe('records that cannot be read again', () => {
  it('serve on up to the limit, counted from when they were last confirmed and not from their last use', async () => {
    const under = underTest();
    const { clock, cache, get, state } = under;
    await get('a');
    clock.advance(TTL_MS);
    await toldOutage(under);
    for (let second = 10; second < 60; second += 1) {
      expect([await get('a'), cache.staleMs('a')]).toEqual(['value of a', second * 1000]);
      clock.advance(1_000);
    }
    await expect(get('a')).rejects.toMatchObject({ code: 'unavailable' });
    state.error = undefined;
    clock.advance(6_000);
    expect([await get('a'), cache.staleMs('a')]).toEqual(['value of a', 0]);
  });

  it('without a promise once it is known, and without asking for each', async () => {
    const under = underTest();
    const { clock, get, state } = under;
    await get('a');
    clock.advance(TTL_MS);
    await toldOutage(under);
    const before = state.loads;
    for (let request = 0; request < 1_000; request += 1) expect(get('a')).toBe('value of a');
    expect(state.loads - before).toBeLessThanOrEqual(1);
  });

  it('of a source that says nothing: the first waits less than half a second, nobody after that, and what is not known is unavailable within a second', async () => {
    const { clock, get, state, source } = underTest();
    await get('a');
    clock.advance(TTL_MS);
    state.silent = true;
    const startedAt = performance.now();
    expect(await get('a')).toBe('value of a');
    expect(performance.now() - startedAt).toBeLessThan(900);
    expect(get('a')).toBe('value of a');
    const asked = performance.now();
    await expect(get('unknown')).rejects.toMatchObject({ code: 'unavailable', outage: 'timeout' });
    expect(performance.now() - asked).toBeLessThan(1_500);
    expect(source.isAway).toBe(true);
    const again = performance.now();
    await expect(get('unknown too')).rejects.toMatchObject({ code: 'unavailable', outage: 'resting', retryAfterSeconds: 2 });
    expect(performance.now() - again).toBeLessThan(300);
  });

  it('a source that is slow and alive is waited for where nothing is known', async () => {
    const { get, state, source } = underTest();
    state.delayMs = 700;
    expect(await get('a')).toBe('value of a');
    expect(source.isAway).toBe(false);
  });

  it('"none" never outlives its time', async () => {
    const under = underTest();
    const { clock, get } = under;
    await get('a');
    expect(await get('nobody')).toBeUndefined();
    clock.advance(TTL_MS);
    await toldOutage(under);
    await expect(Promise.resolve(get('nobody'))).rejects.toMatchObject({ code: 'unavailable' });
  });

  it.each(['permission_denied', 'corrupt', 'not_found', 'no_credential'] as const)('%s is an answer: what was known before is gone', async (code) => {
    const under = underTest();
    const { clock, get, state } = under;
    await get('a');
    clock.advance(TTL_MS);
    state.error = new KeyholdError(code, 'for a test');
    await expect(Promise.resolve(get('a'))).rejects.toMatchObject({ code });
    state.error = down;
    await expect(Promise.resolve(get('a'))).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('an answer that is learned while nobody waits counts as well', async () => {
    const under = underTest();
    const { clock, get, state } = under;
    await get('a');
    clock.advance(TTL_MS);
    await toldOutage(under);
    clock.advance(3_000);
    state.error = new KeyholdError('permission_denied', 'for a test');
    expect(get('a')).toBe('value of a');
    await setImmediate();
    await expect(Promise.resolve(get('a'))).rejects.toMatchObject({ code: 'permission_denied' });
  });

  it('S10 what was announced to have changed never serves so, also where the change cannot be read', async () => {
    const under = underTest();
    const { clock, get, cache, state } = under;
    await get('a');
    clock.advance(TTL_MS);
    await toldOutage(under);
    expect(get('a')).toBe('value of a');
    cache.invalidate('a', 2);
    await expect(Promise.resolve(get('a'))).rejects.toMatchObject({ code: 'unavailable' });
    state.error = undefined;
    clock.advance(10_000);
    await expect(Promise.resolve(get('a'))).rejects.toMatchObject({ code: 'unavailable' });
    state.version = 2;
    clock.advance(10_000);
    expect(await get('a')).toBe('value of a');
  });

  it('S10 an announcement that comes while the first waits is heeded', async () => {
    const { clock, get, cache, state } = underTest();
    await get('a');
    clock.advance(TTL_MS);
    state.delayMs = 50;
    state.error = down;
    const waiting = Promise.resolve(get('a'));
    cache.invalidate('a', 2);
    await expect(waiting).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('what is to be read again serves on if it cannot be', async () => {
    const { get, cache, state, clock } = underTest();
    await get('a');
    clock.advance(1_000);
    state.error = down;
    cache.expire('a');
    expect([await get('a'), cache.staleMs('a')]).toEqual(['value of a', 1_000]);
  });

  it('S32 after announcements may have been missed all is read again: waited for while that is possible, served on where it is not', async () => {
    const under = underTest();
    const { get, cache, state, source } = under;
    await get('a');
    state.names.set('a', 'changed unheard');
    source.isSlow();
    cache.revalidate();
    expect(await get('a')).toBe('changed unheard');
    cache.revalidate();
    state.error = down;
    expect(await get('a')).toBe('changed unheard');
    expect(cache.staleMs('a')).toBe(0);
  });

  it('what is used is read again before its time is over, once and while nobody waits', async () => {
    const { get, state, clock, cache } = underTest({ aheadMs: 1_000 });
    await get('a');
    clock.advance(TTL_MS - 1_001);
    expect([get('a'), state.loads]).toEqual(['value of a', 1]);
    clock.advance(1);
    state.names.set('a', 'newer');
    expect([get('a'), get('a'), state.loads]).toEqual(['value of a', 'value of a', 2]);
    await setImmediate();
    expect([get('a'), state.loads]).toEqual(['newer', 2]);
    clock.advance(TTL_MS - 1_000);
    state.error = down;
    for (let request = 0; request < 100; request += 1) expect(await get('a')).toBe('newer');
    expect(state.loads).toBeLessThanOrEqual(5);
    expect(cache.staleMs('a')).toBe(0);
  });

  it('with a limit of 0 nothing serves beyond its time', async () => {
    const { get, state, clock } = underTest({ limitMs: 0 });
    await get('a');
    clock.advance(TTL_MS);
    state.error = down;
    await expect(Promise.resolve(get('a'))).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('S11 after an outage a thousand keys are read again a few at a time, each once, and then none is beyond its time', async () => {
    const { get, state, clock, cache } = underTest();
    const keys = Array.from({ length: 1_000 }, (_, index) => `key ${index}`);
    for (const key of keys) state.names.set(key, key);
    await Promise.all(keys.map(async (key) => get(key)));
    clock.advance(TTL_MS);
    state.error = down;
    await Promise.all(keys.slice(0, 10).map(async (key) => get(key)));
    clock.advance(5_000);
    state.error = undefined;
    state.delayMs = 1;
    [state.loads, state.most] = [0, 0];
    for (let round = 0; round < 1_000 && keys.some((key) => cache.staleMs(key) > 0); round += 1) {
      for (const key of keys) expect(await get(key)).toBe(key);
      await sleep(1);
      clock.advance(1);
    }
    expect(keys.filter((key) => cache.staleMs(key) > 0)).toEqual([]);
    expect([state.loads, state.most]).toEqual([1_000, 8]);
  });

  it('after an outage it ends, although some key is beyond its time at every moment', async () => {
    const { get, state, clock, cache } = underTest();
    const keys = Array.from({ length: 200 }, (_, index) => `key ${index}`);
    for (const key of keys) state.names.set(key, key);
    /** One key after the other, so that each is asked for as often as it has to be read again; how many served beyond their time. */
    const round = async (): Promise<number> => {
      let stale = 0;
      for (const key of keys) {
        const got = get(key);
        if (!(got instanceof Promise) && cache.staleMs(key) > 0) stale += 1;
        await got;
        await setImmediate();
        clock.advance(TTL_MS / keys.length);
      }
      return stale;
    };
    await round();
    state.error = down;
    expect(await round()).toBeGreaterThan(150);
    state.error = undefined;
    const [first, second, third] = [await round(), await round(), await round()];
    expect(first).toBeGreaterThan(0);
    expect([second, third]).toEqual([0, 0]);
  });

  it('tells of requests that are served so once a minute, with their number and the greatest age', () => {
    const { source, clock, log, told } = underTest();
    source.servedStale(11_000);
    for (let request = 0; request < 100; request += 1) source.servedStale(12_000 + request);
    expect(log.of('serving_stale')).toMatchObject([{ level: 'warn', fields: { name: 'database', count: 1, ageSeconds: 11 } }]);
    clock.advance(60_000);
    source.servedStale(72_500);
    expect(log.of('serving_stale')[1]).toMatchObject({ fields: { count: 101, ageSeconds: 73 } });
    expect(told).toHaveLength(102);
  });
});
