import * as fc from 'fast-check';
import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { noBudgets } from '../../../test/support/no-budgets.ts';
import { RecordingLog } from '../../../test/support/recording-log.ts';
import { BegunDeliveries } from '../../core/usage/begun-deliveries.ts';
import { DeadJournals } from '../../core/usage/dead-journals.ts';
import { type DeliveredJournal, UsageDelivery } from '../../core/usage/delivery.ts';
import { KeyholdError } from '../../ports/errors.ts';
import type { UsageRepository } from '../../ports/metadata/usage.ts';
import type { UsageSegmentRepository } from '../../ports/metadata/usage-segments.ts';
import type { Metrics } from '../../ports/metrics.ts';
import type { UsageStart } from '../../ports/usage.ts';
import { createMemoryStore } from '../metadata-store/memory/memory-store.ts';
import { openDatabaseJournal } from './database-journal.ts';
import { sampleEnd, sampleStart } from './journal-samples.ts';

const RUNS = Number(process.env['KEYHOLD_TEST_RUNS'] ?? 60);
const SEED = Number(process.env['KEYHOLD_TEST_SEED'] ?? Date.now() % 1_000_000);
const termMs = 3_000;

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

type Fault = 'none' | 'refused' | 'lost';

const actions = fc.array(
  fc.record({
    replica: fc.nat(2),
    what: fc.constantFrom('begin', 'begin', 'begin', 'end', 'end', 'deliver', 'look', 'wait', 'stall', 'resume', 'kill', 'trouble', 'well'),
    ms: fc.constantFrom(0, 0, 1, 100, 1_000, 4_000),
    fault: fc.constantFrom<Fault>('refused', 'lost'),
  }),
  { minLength: 10, maxLength: 80 },
);

const clock = { now: () => Date.now(), monotonic: () => performance.now() };
const log = new RecordingLog();
const metrics = { journalPending: () => {} } as Partial<Metrics> as Metrics;

describe(`journals in the database, through anything (KEYHOLD_TEST_SEED=${SEED})`, () => {
  it('R5.3: every request that was begun is counted once, as completed if that was acknowledged, whoever dies, stands still or is not answered', async () => {
    await fc.assert(
      fc.asyncProperty(actions, async (steps) => {
        const store = createMemoryStore();
        const begun = new Set<string>();
        const asked = new Set<string>();
        const ended = new Set<string>();
        let fault: Fault = 'none';
        let number = 0;

        /** One process: its calls wait while it stands still, and never come back once it is dead. */
        function replica() {
          const state = { stalled: null as PromiseWithResolvers<void> | null, isDead: false, open: new Map<string, UsageStart>() };
          async function call<T>(run: () => Promise<T>): Promise<T> {
            if (state.isDead) return new Promise<never>(() => {});
            await state.stalled?.promise;
            const { isDead } = state;
            if (isDead) return new Promise<never>(() => {});
            if (fault === 'refused') throw new KeyholdError('unavailable', 'away');
            const result = await run();
            if (fault === 'lost') throw new KeyholdError('unavailable', 'lost');
            return result;
          }
          const inner = store.usageSegments;
          const segments: UsageSegmentRepository = {
            create: (...args) => call(() => inner.create(...args)),
            list: (...args) => call(() => inner.list(...args)),
            removeBelow: (...args) => call(() => inner.removeBelow(...args)),
            unfinished: () => call(() => inner.unfinished()),
          };
          const repository: UsageRepository = {
            putBatch: (batch) => call(() => store.usage.putBatch(batch)),
            getBatch: (key) => call(() => store.usage.getBatch(key)),
            listBatches: (...args) => call(() => store.usage.listBatches(...args)),
            getRollup: (key) => call(() => store.usage.getRollup(key)),
            createRollup: (...args) => call(() => store.usage.createRollup(...args)),
            replaceRollup: (...args) => call(() => store.usage.replaceRollup(...args)),
            listRollups: (...args) => call(() => store.usage.listRollups(...args)),
          };
          const journal = openDatabaseJournal({ segments, clock, random: randomBytes, log, termMs });
          const delivery = new UsageDelivery({ journal, repository, budgets: noBudgets, log, metrics, clock });
          const deliver = (found: DeliveredJournal) => new UsageDelivery({ journal: found, repository, budgets: noBudgets, log, metrics, clock }).deliver();
          const deliveries = new BegunDeliveries({ segments, batches: repository, sums: { repository, budgets: noBudgets } });
          return { state, journal, delivery, dead: new DeadJournals({ segments, deliver, deliveries, own: () => journal.name, clock, log, termMs, alone: () => false }) };
        }
        const ignored = (work: Promise<unknown>): void => void work.catch(() => {});
        const replicas = [replica(), replica(), replica()];

        for (const { replica: index, what, ms, fault: kind } of steps) {
          const one = replicas[index]!;
          if (what === 'begin') {
            const start = sampleStart(`use_${(number += 1)}`);
            asked.add(start.id);
            const begins = async (): Promise<void> => {
              await one.journal.begin(start);
              begun.add(start.id);
              one.state.open.set(start.id, start);
            };
            ignored(begins());
          }
          if (what === 'end') {
            const start = [...one.state.open.values()][0];
            if (start !== undefined) {
              one.state.open.delete(start.id);
              ignored(one.journal.end(sampleEnd(start)).then(() => ended.add(start.id)));
            }
          }
          if (what === 'deliver') ignored(one.delivery.deliver());
          if (what === 'look') ignored(one.dead.look());
          if (what === 'stall') one.state.stalled ??= Promise.withResolvers<void>();
          if (what === 'resume' || what === 'kill') {
            if (what === 'kill') {
              one.state.isDead = true;
              replicas[index] = replica();
            }
            one.state.stalled?.resolve();
            one.state.stalled = null;
          }
          if (what === 'trouble') fault = kind;
          if (what === 'well') fault = 'none';
          await vi.advanceTimersByTimeAsync(ms);
        }

        // In the end the database is well, everybody dies, and one more comes.
        fault = 'none';
        for (const { state } of replicas) {
          state.stalled?.resolve();
          state.stalled = null;
        }
        await vi.advanceTimersByTimeAsync(1_000);
        for (const { state } of replicas) state.isDead = true;
        const last = replica();
        await last.dead.look();
        await vi.advanceTimersByTimeAsync(termMs);
        await last.dead.look();
        expect(await store.usageSegments.unfinished()).toEqual([]);

        const { items } = await store.usage.listBatches('acme', { from: 0, to: Number.MAX_SAFE_INTEGER }, { limit: 1000 });
        const events = items.flatMap((batch) => batch.events);
        const ids = events.map(({ id }) => id);
        expect(new Set(ids).size).toBe(ids.length);
        expect([...begun].filter((id) => !ids.includes(id))).toEqual([]);
        expect(ids.filter((id) => !asked.has(id))).toEqual([]);
        expect(events.filter(({ id, outcome }) => ended.has(id) && outcome !== 'completed')).toEqual([]);
        const rollups = await store.usage.listRollups('acme', { from: 0, to: Number.MAX_SAFE_INTEGER });
        expect(rollups.flatMap(({ rollup }) => rollup.rows).reduce((sum, { sums }) => sum + sums.requests, 0)).toBe(events.length);
        vi.clearAllTimers();
      }),
      { numRuns: RUNS, seed: SEED },
    );
  });
});
