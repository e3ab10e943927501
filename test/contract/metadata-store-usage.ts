import { expect } from 'vitest';
import type { UsageBatch, UsageRollup } from '../../src/ports/metadata/usage.ts';
import { time, usageEvent } from './metadata-store-records.ts';
import { expectCode, readAll, type Rule } from './metadata-store-rule.ts';

const HOUR = 3_600_000;
const always = { from: 0, to: Number.MAX_SAFE_INTEGER };

function batch(journal: string, segment: number, times: readonly number[], tenant = 'acme'): UsageBatch {
  return { tenant, journal, segment, events: times.map((offset, index) => usageEvent(`${journal}-${segment}-${index}`, { tenant, time: time + offset })) };
}

function rollup(appliedSegment: number, requests: number): UsageRollup {
  const dimensions = { service: 'openai', model: null, route: 'embeddings', outcome: 'completed', keySource: 'tenant', credentialId: null, gatewayKeyId: null, tokenId: null } as const;
  const sums = { requests, unpricedRequests: requests, inputTokens: 0, outputTokens: 0, cachedTokens: 0, cacheWriteTokens: 0, reasoningTokens: 0 };
  return { appliedSegment, rows: [{ dimensions, sums }] };
}

/** Usage batches and roll-ups (src/ports/metadata/usage.ts). */
export const usageRules: readonly Rule[] = [
  {
    title: 'R5.3: a usage batch is created once, whatever is retried',
    check: async ({ store: { usage } }) => {
      const first = batch('j1', 1, [0, 5]);
      await usage.putBatch(first);
      await usage.putBatch(first);
      await usage.putBatch({ ...first, events: [] });
      await Promise.all(Array.from({ length: 8 }, () => usage.putBatch(batch('j1', 2, [7]))));
      const { items, next } = await usage.listBatches('acme', always, { limit: 10 });
      expect(items).toEqual([batch('j1', 2, [7]), first]);
      expect(next).toBeUndefined();
      expect(await usage.getBatch({ tenant: 'acme', journal: 'j1', segment: 1 })).toEqual(first);
      for (const other of [{ tenant: 'beta' }, { journal: 'j' }, { segment: 3 }]) expect(await usage.getBatch({ tenant: 'acme', journal: 'j1', segment: 1, ...other })).toBeUndefined();
    },
  },
  {
    title: 'usage batches are listed newest last event first, in pages, one tenant at a time',
    check: async ({ store: { usage } }) => {
      const batches = [batch('j1', 1, [0, 10]), batch('j2', 1, [5, 30]), batch('j1', 2, [20]), batch('j1', 10, [20]), batch('j3', 1, [20, 1])];
      for (const one of batches) await usage.putBatch(one);
      await usage.putBatch(batch('j1', 1, [15], 'beta'));
      const newestFirst = ['j2 1', 'j3 1', 'j1 10', 'j1 2', 'j1 1'];
      for (const limit of [1, 2, 4, 5, 6]) {
        const found = await readAll((page) => usage.listBatches('acme', always, page), limit);
        expect(found.map(({ journal, segment }) => `${journal} ${segment}`)).toEqual(newestFirst);
      }
      expect((await usage.listBatches('beta', always, { limit: 10 })).items).toEqual([batch('j1', 1, [15], 'beta')]);
      expect((await usage.listBatches('acm', always, { limit: 10 })).items).toEqual([]);
    },
  },
  {
    title: 'a range gives the batches that may hold events of it: from inclusive, to exclusive',
    check: async ({ store: { usage } }) => {
      await usage.putBatch(batch('j1', 1, [0, 10]));
      await usage.putBatch(batch('j1', 2, [40, 20, 30]));
      const segments = async (from: number, to: number): Promise<readonly number[]> =>
        (await usage.listBatches('acme', { from: time + from, to: time + to }, { limit: 10 })).items.map(({ segment }) => segment);
      expect(await segments(0, 100)).toEqual([2, 1]);
      expect(await segments(10, 20)).toEqual([1]);
      expect(await segments(10, 21)).toEqual([2, 1]);
      expect(await segments(11, 20)).toEqual([]);
      expect(await segments(40, 41)).toEqual([2]);
      expect(await segments(41, 100)).toEqual([]);
      expect(await segments(25, 26)).toEqual([2]);
    },
  },
  {
    title: 'R5.3: a roll-up is create-only and compare-and-set',
    check: async ({ store: { usage } }) => {
      const key = { tenant: 'acme', hour: time, journal: 'j1' };
      expect(await usage.getRollup(key)).toBeUndefined();
      await expectCode(usage.replaceRollup(key, rollup(1, 1), 1), 'conflict');
      await usage.createRollup(key, rollup(1, 1));
      await expectCode(usage.createRollup(key, rollup(9, 9)), 'already_exists');
      expect(await usage.getRollup(key)).toEqual({ record: rollup(1, 1), revision: 1 });
      await usage.replaceRollup(key, rollup(2, 5), 1);
      await expectCode(usage.replaceRollup(key, rollup(3, 9), 1), 'conflict');
      expect(await usage.getRollup(key)).toEqual({ record: rollup(2, 5), revision: 2 });
    },
  },
  {
    title: 'roll-ups of the hours of a range are listed for every journal of one tenant',
    check: async ({ store: { usage } }) => {
      const keys = [
        { tenant: 'acme', hour: time, journal: 'j1' },
        { tenant: 'acme', hour: time, journal: 'j2' },
        { tenant: 'acme', hour: time + HOUR, journal: 'j1' },
        { tenant: 'acme', hour: time + 2 * HOUR, journal: 'j1' },
      ];
      for (const [index, key] of keys.entries()) await usage.createRollup(key, rollup(index, index));
      await usage.createRollup({ tenant: 'beta', hour: time, journal: 'j1' }, rollup(0, 99));
      const found = await usage.listRollups('acme', { from: time, to: time + 2 * HOUR });
      expect(found).toEqual(keys.slice(0, 3).map((key, index) => ({ ...key, rollup: rollup(index, index) })));
      expect(await usage.listRollups('acme', { from: time + HOUR, to: time + HOUR + 1 })).toHaveLength(1);
      expect(await usage.listRollups('acme', { from: time + 1, to: time + HOUR })).toEqual([]);
    },
  },
  {
    title: 'usage survives closing and opening the database',
    check: async ({ store, reopen }) => {
      await store.usage.putBatch(batch('j1', 1, [0]));
      await store.usage.createRollup({ tenant: 'acme', hour: time, journal: 'j1' }, rollup(1, 1));
      if (reopen === undefined) return;
      const { usage } = await reopen();
      await usage.putBatch(batch('j1', 1, [0]));
      expect((await usage.listBatches('acme', always, { limit: 10 })).items).toEqual([batch('j1', 1, [0])]);
      expect(await usage.getRollup({ tenant: 'acme', hour: time, journal: 'j1' })).toEqual({ record: rollup(1, 1), revision: 1 });
    },
  },
];
