import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { noBudgets } from '../../../test/support/no-budgets.ts';
import { RecordingLog } from '../../../test/support/recording-log.ts';
import { BegunDeliveries } from '../../core/usage/begun-deliveries.ts';
import { DeadJournals } from '../../core/usage/dead-journals.ts';
import { type DeliveredJournal, UsageDelivery } from '../../core/usage/delivery.ts';
import { KeyholdError } from '../../ports/errors.ts';
import type { UsageSegmentRepository } from '../../ports/metadata/usage-segments.ts';
import type { Metrics } from '../../ports/metrics.ts';
import type { UsageEvent } from '../../ports/usage.ts';
import { createMemoryStore } from '../metadata-store/memory/memory-store.ts';
import { openDatabaseJournal } from './database-journal.ts';
import { sampleEnd, sampleStart } from './journal-samples.ts';

const termMs = 30_000;

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

const clock = { now: () => Date.now(), monotonic: () => performance.now() };
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

/** A database that can be away, hang, or lose its answers. */
function database() {
  const store = createMemoryStore();
  const state: { mode: 'well' | 'away' | 'lost' | 'hangs'; hung: (() => void)[]; creates: number } = { mode: 'well', hung: [], creates: 0 };
  const inner = store.usageSegments;
  const segments: UsageSegmentRepository = {
    create: async (...args) => {
      state.creates += 1;
      const { mode } = state;
      if (mode === 'hangs') await new Promise<void>((resolve) => state.hung.push(resolve));
      if (mode === 'away') throw new KeyholdError('unavailable', 'The database is away.');
      await inner.create(...args);
      if (mode === 'lost') throw new KeyholdError('unavailable', 'The answer was lost.');
    },
    list: (...args) => inner.list(...args),
    removeBelow: (...args) => inner.removeBelow(...args),
    unfinished: () => inner.unfinished(),
  };
  const log = new RecordingLog();
  const metrics = { journalPending: () => {} } as Partial<Metrics> as Metrics;
  const deliver = (journal: DeliveredJournal) => new UsageDelivery({ journal, repository: store.usage, budgets: noBudgets, log, metrics, clock }).deliver();
  const deliveries = new BegunDeliveries({ segments, batches: store.usage, sums: { repository: store.usage, budgets: noBudgets } });
  return {
    state,
    segments,
    log,
    deliver,
    open: () => openDatabaseJournal({ segments, clock, random: randomBytes, log, termMs }),
    dead: ({ own, alone = false }: { own?: string; alone?: boolean } = {}) => new DeadJournals({ segments, deliver, deliveries, own: () => own, clock, log, termMs, alone: () => alone }),
    events: async (): Promise<readonly UsageEvent[]> => (await store.usage.listBatches('acme', { from: 0, to: Number.MAX_SAFE_INTEGER }, { limit: 1000 })).items.flatMap(({ events }) => events).toSorted((a, b) => (a.id < b.id ? -1 : 1)),
    requests: async () =>
      (await store.usage.listRollups('acme', { from: 0, to: Number.MAX_SAFE_INTEGER })).flatMap(({ rollup }) => rollup.rows).reduce((sum, { sums }) => sum + sums.requests, 0),
    stored: async () => (await inner.unfinished()).length,
  };
}

async function settled(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'ok',
    (error: unknown) => (error instanceof KeyholdError ? error.code : String(error)),
  );
}

describe('KEYHOLD_JOURNAL=synchronous (R5.3)', () => {
  it('a request is begun, and its answer may leave, when the database has it; what comes together is one write', async () => {
    const { state, segments, open, deliver, events, requests, stored } = database();
    const journal = open();
    expect(journal.holdsAnswers).toBe(true);
    const starts = Array.from({ length: 50 }, (_, index) => sampleStart(`use_${index}`));
    const begun = Promise.all(starts.map((start) => journal.begin(start)));
    await pass(0);
    await begun;
    expect(state.creates).toBe(1);
    expect((await segments.list(journal.name, 0, 10)).map(({ content }) => content.starts.length)).toEqual([50]);
    const ended = Promise.all(starts.slice(0, 30).map((start) => journal.end(sampleEnd(start))));
    await pass(0);
    await ended;
    expect(state.creates).toBe(2);
    expect(journal.pending()).toBe(30);
    await deliver(journal);
    expect([(await events()).length, await requests(), journal.pending()]).toEqual([30, 30, 0]);
    expect((await segments.list(journal.name, 0, 10)).map(({ content }) => [content.kind, content.starts.length])).toEqual([['carry', 20]]);
    const rest = Promise.all(starts.slice(30).map((start) => journal.end(sampleEnd(start))));
    await pass(0);
    await rest;
    await deliver(journal);
    expect([(await events()).length, await requests(), await stored()]).toEqual([50, 50, 0]);
    await journal.close();
  });

  it('without the database nothing is begun, at once or within a second, and what was refused makes no event', async () => {
    const { state, open, deliver, events, stored } = database();
    const journal = open();
    state.mode = 'lost';
    const first = settled(journal.begin(sampleStart('use_lost')));
    await pass(0);
    expect(await first).toBe('unavailable');
    const second = settled(journal.begin(sampleStart('use_away')));
    expect(await second).toBe('unavailable');
    state.mode = 'hangs';
    await pass(250);
    state.mode = 'well';
    state.hung.splice(0).forEach((go) => go());
    await pass(0);
    const hung = (async () => {
      state.mode = 'hangs';
      return settled(journal.begin(sampleStart('use_hung')));
    })();
    await pass(999);
    state.mode = 'well';
    await pass(1);
    expect(await hung).toBe('unavailable');
    state.hung.splice(0).forEach((go) => go());
    await pass(0);
    const start = sampleStart('use_good');
    const good = journal.begin(start);
    await pass(0);
    await good;
    const end = journal.end(sampleEnd(start));
    await pass(0);
    await end;
    await deliver(journal);
    expect((await events()).map(({ id }) => id)).toEqual(['use_good']);
    expect(await stored()).toBe(0);
    await journal.close();
  });

  it('an answer is held while its end cannot be written, for ten seconds at most; the end is written when it can be', async () => {
    const { state, open, deliver, events } = database();
    const journal = open();
    const [one, two] = [sampleStart('use_1'), sampleStart('use_2')];
    const begun = Promise.all([journal.begin(one), journal.begin(two)]);
    await pass(0);
    await begun;
    state.mode = 'away';
    let isOver = false;
    const held = settled(journal.end(sampleEnd(one))).finally(() => (isOver = true));
    await pass(9_000);
    expect(isOver).toBe(false);
    await pass(1_000);
    expect(await held).toBe('unavailable');
    const short = settled(journal.end(sampleEnd(two)));
    await pass(1_000);
    state.mode = 'well';
    await pass(250);
    expect(await short).toBe('ok');
    await deliver(journal);
    expect((await events()).map(({ id, outcome }) => [id, outcome])).toEqual([['use_1', 'completed'], ['use_2', 'completed']]);
    await journal.close();
  });

  it('what a replica that vanished had open counts as aborted, once, a term after its last sign of life', async () => {
    const { open, dead, events, requests, stored, log } = database();
    const vanished = open();
    const starts = [1, 2, 3].map((number) => sampleStart(`use_${number}`));
    const begun = Promise.all(starts.map((start) => vanished.begin(start)));
    await pass(0);
    await begun;
    const end = vanished.end(sampleEnd(starts[0]!));
    await pass(0);
    await end;
    await vanished.close();
    const takers = [dead(), dead()];
    expect(await Promise.all(takers.map((taker) => taker.look()))).toEqual([0, 0]);
    await pass(termMs - 1);
    expect(await takers[0]!.look()).toBe(0);
    await pass(1);
    await Promise.all(takers.map((taker) => taker.look()));
    const found = await events();
    expect(found.map(({ id, outcome, estimated }) => [id, outcome, estimated])).toEqual([['use_1', 'completed', false], ['use_2', 'aborted', true], ['use_3', 'aborted', true]]);
    expect([await requests(), await stored()]).toEqual([3, 0]);
    expect(log.of('journal_finished').length).toBeGreaterThan(0);
    await pass(10 * termMs);
    expect(await dead().look()).toBe(0);
  });

  it('is finished at once by who is alone, and never its own', async () => {
    const { open, dead, requests } = database();
    const [gone, own] = [open(), open()];
    const begun = Promise.all([gone.begin(sampleStart('use_gone')), own.begin(sampleStart('use_own'))]);
    await pass(0);
    await begun;
    await gone.close();
    expect(await dead({ own: own.name, alone: true }).look()).toBe(1);
    expect(await requests()).toBe(1);
    await own.close();
  });

  it('a replica whose requests take long is not taken for gone', async () => {
    const { open, dead, requests } = database();
    const journal = open();
    const start = sampleStart('use_long');
    const begun = journal.begin(start);
    await pass(0);
    await begun;
    const taker = dead();
    for (let looks = 0; looks < 60; looks += 1) {
      expect(await taker.look()).toBe(0);
      await pass(10_000);
    }
    const end = journal.end(sampleEnd(start));
    await pass(0);
    await end;
    expect(await requests()).toBe(0);
    await journal.close();
  });

  it('a replica that stood still finds its journal closed: its open requests stay aborted, and it goes on in a new one', async () => {
    const { state, open, dead, deliver, events, requests, log } = database();
    const journal = open();
    const before = journal.name;
    const [one, two, three] = [1, 2, 3].map((number) => sampleStart(`use_${number}`)) as [ReturnType<typeof sampleStart>, ReturnType<typeof sampleStart>, ReturnType<typeof sampleStart>];
    const begun = Promise.all([journal.begin(one), journal.begin(two)]);
    await pass(0);
    await begun;
    const taker = dead();
    await taker.look();
    // It stands still: none of its timers fires, while the taker's clock runs on.
    state.mode = 'hangs';
    await pass(termMs);
    state.mode = 'well';
    await taker.look();
    expect((await events()).map(({ id, outcome }) => [id, outcome])).toEqual([['use_1', 'aborted'], ['use_2', 'aborted']]);
    state.hung.splice(0).forEach((go) => go());
    const late = settled(journal.end(sampleEnd(one)));
    const next = settled(journal.begin(three));
    await pass(250);
    expect([await late, await next]).toEqual(['internal', 'ok']);
    expect(await settled(journal.end(sampleEnd(two)))).toBe('internal');
    expect(journal.name).not.toBe(before);
    expect(log.of('journal_taken_over')).toHaveLength(1);
    const end = journal.end(sampleEnd(three));
    await pass(0);
    await end;
    await deliver(journal);
    expect((await events()).map(({ id, outcome }) => [id, outcome])).toEqual([['use_1', 'aborted'], ['use_2', 'aborted'], ['use_3', 'completed']]);
    expect(await requests()).toBe(3);
    await journal.close();
  });

  it('many open requests are said once more in several pieces, and none is lost with what is removed', async () => {
    const { open, deliver, dead, events, requests, segments } = database();
    const journal = open();
    const starts = Array.from({ length: 3_000 }, (_, index) => sampleStart(`use_${String(index).padStart(5, '0')}`, { tags: { text: 'x'.repeat(300) } }));
    const begun = Promise.all(starts.map((start) => journal.begin(start)));
    await pass(0);
    await begun;
    const end = journal.end(sampleEnd(starts[7]!));
    await pass(0);
    await end;
    await deliver(journal);
    expect((await segments.list(journal.name, 0, 100)).length).toBeGreaterThan(2);
    await journal.close();
    expect(await dead({ alone: true }).look()).toBe(1);
    expect((await events()).length).toBe(3_000);
    expect(await requests()).toBe(3_000);
  });
});
