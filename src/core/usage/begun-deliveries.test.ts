import { randomBytes } from 'node:crypto';
import { describe, expect, it, vi } from 'vitest';
import { eventually } from '../../../test/support/eventually.ts';
import { RecordingLog } from '../../../test/support/recording-log.ts';
import { TestClock } from '../../../test/support/credential-world.ts';
import { createMemoryStore } from '../../adapters/metadata-store/memory/memory-store.ts';
import { FaultyDisk } from '../../adapters/usage-journal/faulty-disk.ts';
import { openFileJournal } from '../../adapters/usage-journal/file-journal.ts';
import { sampleEnd, sampleStart } from '../../adapters/usage-journal/journal-samples.ts';
import { KeyholdError } from '../../ports/errors.ts';
import type { MetadataStore } from '../../ports/metadata-store.ts';
import type { Metrics } from '../../ports/metrics.ts';
import { BudgetSettlement } from '../budgets/settlement.ts';
import { BegunDeliveries } from './begun-deliveries.ts';
import { DeadJournals } from './dead-journals.ts';
import { UsageDelivery } from './delivery.ts';
import { HOUR_MS } from './rollup.ts';

const TERM_MS = 30_000;
const TENANTS = ['acme', 'globex'];
const always = { from: 0, to: Number.MAX_SAFE_INTEGER };
const metrics = { journalPending: () => {}, budgetAlert: () => {} } as Partial<Metrics> as Metrics;

type Reached = Pick<MetadataStore, 'usage' | 'usageSegments' | 'budgetAccounts'>;

/** The database, until the call with this number: that one is lost before or after it takes effect, and so are all later ones. */
function reachedUntil(store: Reached, failAt: number, when: 'before' | 'after'): { readonly store: Reached; readonly way: { calls: number; isWhole: boolean } } {
  const way = { calls: 0, isWhole: false };
  const part = <T extends object>(repository: T): T =>
    new Proxy(repository, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name);
        if (typeof member !== 'function') return member;
        return async (...given: unknown[]): Promise<unknown> => {
          way.calls += 1;
          const isLost = !way.isWhole && way.calls >= failAt;
          const result: unknown = isLost && (when === 'before' || way.calls > failAt) ? undefined : await Reflect.apply(member, target, given);
          if (isLost) throw new KeyholdError('unavailable', 'away');
          return result;
        };
      },
    });
  return { store: { usage: part(store.usage), usageSegments: part(store.usageSegments), budgetAccounts: part(store.budgetAccounts) }, way };
}

function replicaOn({ usage, usageSegments: segments, budgetAccounts: accounts }: Reached) {
  const clock = new TestClock();
  const log = new RecordingLog();
  const budgets = new BudgetSettlement({ accounts, clock, log, metrics });
  const deliveries = new BegunDeliveries({ segments, batches: usage, sums: { repository: usage, budgets } });
  const journals = new DeadJournals({ segments, deliver: async () => {}, deliveries, own: () => undefined, clock, log, termMs: TERM_MS, alone: () => false });
  return {
    log,
    deliveries,
    delivering: (journal: Awaited<ReturnType<typeof openFileJournal>>) => new UsageDelivery({ journal, repository: usage, budgets, begun: deliveries, log, metrics, clock }),
    lookAfter: async (ms: number) => {
      clock.advance(ms);
      return journals.look();
    },
  };
}

async function journalWithRequests() {
  const journal = await openFileJournal({ folder: '/u', random: randomBytes, disk: new FaultyDisk() });
  for (let index = 0; index < 8; index += 1) {
    const shares = [{ budget: 'own.b', period: '2026-11', amount: 1, of: 1_000 }];
    const start = sampleStart(`use_${index}`, { tenant: TENANTS[index % 2] ?? '', startedAt: 1_767_225_600_000 + (index % 4 < 2 ? 0 : HOUR_MS), shares });
    await journal.begin(start);
    await journal.end(sampleEnd(start));
  }
  return journal;
}

/** Of each tenant: events, requests in sums, requests in the budget. */
async function counted({ usage, budgetAccounts }: Reached): Promise<readonly (readonly number[])[]> {
  return Promise.all(
    TENANTS.map(async (tenant) => [
      (await usage.listBatches(tenant, always, { limit: 100 })).items.flatMap(({ events }) => events).length,
      (await usage.listRollups(tenant, always)).flatMap(({ rollup }) => rollup.rows).reduce((sum, { sums }) => sum + sums.requests, 0),
      (await budgetAccounts.get({ tenant, budget: 'own.b', period: '2026-11' }))?.record.spent ?? 0,
    ]),
  );
}

const isEven = ([events, ...sums]: readonly number[]): boolean => sums.every((sum) => sum === events);

describe('a replica from which nothing more is heard while it delivers usage (R5.3)', () => {
  it('with its disk lost: all events that stand are brought into sums and budgets by another, whichever write was the last', async () => {
    let uneven = 0;
    for (const when of ['before', 'after'] as const) {
      for (let failAt = 1; ; failAt += 1) {
        const store = createMemoryStore();
        const dying = reachedUntil(store, failAt, when);
        await replicaOn(dying.store).delivering(await journalWithRequests()).deliver().catch(() => {});
        if (!(await counted(store)).every(isEven)) uneven += 1;
        const other = replicaOn(store);
        await other.lookAfter(0);
        await other.lookAfter(TERM_MS);
        expect((await counted(store)).every(isEven), `${failAt} ${when}`).toBe(true);
        expect(await store.usageSegments.unfinished()).toEqual([]);
        if (dying.way.calls < failAt) {
          expect(other.log.of('delivery_finished')).toEqual([]);
          break;
        }
      }
    }
    expect(uneven).toBeGreaterThan(4);
  });

  it('keeps no other back where what it had begun cannot be finished', async () => {
    const store = createMemoryStore();
    for (const journal of ['a', 'b']) await store.usageSegments.create({ journal, segment: 1 }, { kind: 'delivery', starts: [], events: [], withdrawn: [], tenants: ['acme'] });
    const getBatch = store.usage.getBatch.bind(store.usage);
    vi.spyOn(store.usage, 'getBatch').mockImplementation(async (key) => {
      if (key.journal === 'a') throw new KeyholdError('corrupt', 'A record of the database cannot be read.');
      return getBatch(key);
    });
    const other = replicaOn(store);
    await other.lookAfter(0);
    await expect(other.lookAfter(TERM_MS)).rejects.toThrow('cannot be read');
    const left = await store.usageSegments.unfinished();
    expect(left.map(({ journal }) => journal)).toEqual(['a']);
  });

  it('that only stood still, and goes on: each event is counted once', async () => {
    for (let failAt = 1; ; failAt += 1) {
      const store = createMemoryStore();
      const slow = reachedUntil(store, failAt, 'after');
      const delivery = replicaOn(slow.store).delivering(await journalWithRequests());
      await delivery.deliver().catch(() => {});
      const other = replicaOn(store);
      await other.lookAfter(0);
      await other.lookAfter(TERM_MS);
      const isOver = slow.way.calls < failAt;
      slow.way.isWhole = true;
      await delivery.deliver();
      expect(await counted(store)).toEqual([[4, 4, 4], [4, 4, 4]]);
      await eventually(async () => (await store.usageSegments.unfinished()).length === 0, () => 'What was delivered is still said to be on its way.');
      if (isOver) break;
    }
  });

  it('is left to itself for a term from the last that was heard', async () => {
    const store = createMemoryStore();
    const other = replicaOn(store);
    const { deliveries } = other;
    await deliveries.begin({ journal: 'j1', segment: 1 }, TENANTS);
    expect(await other.lookAfter(0)).toBe(0);
    await deliveries.over({ journal: 'j1', segment: 1 });
    await deliveries.begin({ journal: 'j1', segment: 2 }, TENANTS);
    expect(await other.lookAfter(TERM_MS)).toBe(0);
    expect(await other.lookAfter(TERM_MS - 1)).toBe(0);
    expect(await store.usageSegments.unfinished()).toEqual([{ journal: 'j1', segment: 2 }]);
    expect(await other.lookAfter(1)).toBe(1);
    expect(await store.usageSegments.unfinished()).toEqual([]);
    expect(other.log.of('delivery_finished')).toHaveLength(1);
  });
});
