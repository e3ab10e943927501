import { expect } from 'vitest';
import type { UsageSegment } from '../../src/ports/metadata/usage-segments.ts';
import { sampleStart } from '../../src/adapters/usage-journal/journal-samples.ts';
import { usageEvent } from './metadata-store-records.ts';
import { expectCode, type Rule } from './metadata-store-rule.ts';

function segment(id: string, changes: Partial<UsageSegment> = {}): UsageSegment {
  return { kind: 'entries', starts: [sampleStart(`use_${id}_é🗝`)], events: [usageEvent(`use_${id}`)], withdrawn: [`use_${id}_w`], ...changes };
}

/** Usage journals in the database (src/ports/metadata/usage-segments.ts). */
export const usageSegmentRules: readonly Rule[] = [
  {
    title: 'R5.3: a number of a journal is given once, to one of those who want it together',
    check: async ({ store: { usageSegments } }) => {
      const first = segment('1');
      await usageSegments.create({ journal: 'j1', segment: 1 }, first);
      await expectCode(usageSegments.create({ journal: 'j1', segment: 1 }, segment('other')), 'already_exists');
      const tried = await Promise.allSettled(Array.from({ length: 8 }, (_, index) => usageSegments.create({ journal: 'j1', segment: 2 }, segment(`2-${index}`))));
      expect(tried.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      const winner = tried.findIndex(({ status }) => status === 'fulfilled');
      await usageSegments.create({ journal: 'j2', segment: 1 }, segment('3'));
      expect(await usageSegments.list('j1', 0, 1000)).toEqual([
        { journal: 'j1', segment: 1, content: first },
        { journal: 'j1', segment: 2, content: segment(`2-${winner}`) },
      ]);
    },
  },
  {
    title: 'segments of a journal are listed by number, and removed below one',
    check: async ({ store: { usageSegments } }) => {
      for (const number of [10, 9, 100, 1, 2]) await usageSegments.create({ journal: 'j1', segment: number }, segment(String(number)));
      await usageSegments.create({ journal: 'j', segment: 3 }, segment('j'));
      const numbers = async (after: number, limit: number) => (await usageSegments.list('j1', after, limit)).map((found) => found.segment);
      expect(await numbers(0, 1000)).toEqual([1, 2, 9, 10, 100]);
      expect(await numbers(2, 2)).toEqual([9, 10]);
      await usageSegments.removeBelow({ journal: 'j1', segment: 10 });
      await usageSegments.removeBelow({ journal: 'j1', segment: 10 });
      expect(await numbers(0, 1000)).toEqual([10, 100]);
      await usageSegments.removeBelow({ journal: 'nobody', segment: 10 });
      expect((await usageSegments.list('j', 0, 1000)).map((found) => found.content)).toEqual([segment('j')]);
    },
  },
  {
    title: 'journals that are not finished are found, with the last number that did not end them',
    check: async ({ store: { usageSegments } }) => {
      const end = segment('end', { kind: 'end', starts: [], events: [], withdrawn: [] });
      const found = async () => (await usageSegments.unfinished()).toSorted((a, b) => (a.journal < b.journal ? -1 : 1));
      expect(await found()).toEqual([]);
      await usageSegments.create({ journal: 'j1', segment: 4 }, segment('4', { kind: 'carry' }));
      await usageSegments.create({ journal: 'j1', segment: 5 }, segment('5'));
      await usageSegments.create({ journal: 'j2', segment: 1 }, segment('1'));
      await usageSegments.create({ journal: 'j2', segment: 2 }, end);
      await usageSegments.create({ journal: 'j3', segment: 1 }, end);
      const delivery: UsageSegment = { kind: 'delivery', starts: [], events: [], withdrawn: [], tenants: ['acme', 'globex'] };
      await usageSegments.create({ journal: 'j4', segment: 7 }, delivery);
      expect(await found()).toEqual([{ journal: 'j1', segment: 5 }, { journal: 'j2', segment: 1 }, { journal: 'j4', segment: 7 }]);
      expect(await usageSegments.list('j4', 0, 10)).toEqual([{ journal: 'j4', segment: 7, content: delivery }]);
      await usageSegments.removeBelow({ journal: 'j4', segment: 8 });
      await usageSegments.removeBelow({ journal: 'j2', segment: 2 });
      expect(await found()).toEqual([{ journal: 'j1', segment: 5 }]);
      expect(await usageSegments.list('j2', 0, 10)).toEqual([{ journal: 'j2', segment: 2, content: end }]);
    },
  },
  {
    title: 'journals survive closing and opening the database',
    check: async ({ store, reopen }) => {
      await store.usageSegments.create({ journal: 'j1', segment: 1 }, segment('1'));
      if (reopen === undefined) return;
      const { usageSegments } = await reopen();
      await expectCode(usageSegments.create({ journal: 'j1', segment: 1 }, segment('2')), 'already_exists');
      expect(await usageSegments.unfinished()).toEqual([{ journal: 'j1', segment: 1 }]);
    },
  },
];
