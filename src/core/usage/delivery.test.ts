import { randomBytes } from 'node:crypto';
import { noBudgets } from '../../../test/support/no-budgets.ts';
import { describe, expect, it } from 'vitest';
import { createMemoryStore } from '../../adapters/metadata-store/memory/memory-store.ts';
import { FaultyDisk } from '../../adapters/usage-journal/faulty-disk.ts';
import { openFileJournal } from '../../adapters/usage-journal/file-journal.ts';
import { sampleEnd, sampleStart } from '../../adapters/usage-journal/journal-samples.ts';
import { KeyholdError } from '../../ports/errors.ts';
import type { Log } from '../../ports/log.ts';
import type { UsageRepository } from '../../ports/metadata/usage.ts';
import type { Metrics } from '../../ports/metrics.ts';
import type { UsageJournal } from '../../ports/usage-journal.ts';
import { UsageDelivery } from './delivery.ts';
import { HOUR_MS } from './rollup.ts';

const HOUR = 1_767_225_600_000;

/** Fails the call with this number, before it takes effect or after it (its answer is lost). */
function failing(repository: UsageRepository, failAt: number, when: 'before' | 'after'): UsageRepository & { calls(): number } {
  let calls = 0;
  async function call<T>(run: () => Promise<T>): Promise<T> {
    calls += 1;
    const fails = calls === failAt;
    if (fails && when === 'before') throw new KeyholdError('unavailable', 'database down');
    const result = await run();
    if (fails) throw new KeyholdError('unavailable', 'connection lost');
    return result;
  }
  return {
    calls: () => calls,
    putBatch: (batch) => call(() => repository.putBatch(batch)),
    getBatch: (key) => call(() => repository.getBatch(key)),
    listBatches: (...args) => call(() => repository.listBatches(...args)),
    getRollup: (key) => call(() => repository.getRollup(key)),
    createRollup: (...args) => call(() => repository.createRollup(...args)),
    replaceRollup: (...args) => call(() => repository.replaceRollup(...args)),
    listRollups: (...args) => call(() => repository.listRollups(...args)),
  };
}

function setup(journal: UsageJournal, repository: UsageRepository) {
  const events: string[] = [];
  const note = (event: string): void => {
    events.push(event);
  };
  const log: Log = { debug: note, info: note, warn: note, error: note };
  const metrics = { journalPending: () => {} } as Partial<Metrics> as Metrics;
  const clock = { now: () => Date.now(), monotonic: () => performance.now() };
  return { events, delivery: new UsageDelivery({ journal, repository, budgets: noBudgets, log, metrics, clock }) };
}

/** Three tenants' requests over two hours. */
async function record(journal: UsageJournal, prefix: string, count = 12): Promise<void> {
  for (let index = 0; index < count; index += 1) {
    const start = sampleStart(`use_${prefix}${index}`, { tenant: `t${index % 3}`, startedAt: HOUR + (index % 2) * HOUR_MS });
    await journal.begin(start);
    await journal.end(sampleEnd(start));
  }
}

async function counted(repository: UsageRepository): Promise<Record<string, { requests: number; events: string[]; hours: number[] }>> {
  const result: Record<string, { requests: number; events: string[]; hours: number[] }> = {};
  const range = { from: 0, to: HOUR * 2 };
  for (const tenant of ['t0', 't1', 't2']) {
    const rollups = await repository.listRollups(tenant, range);
    const batches = await repository.listBatches(tenant, range, { limit: 1000 });
    const sums = rollups.flatMap(({ rollup }) => rollup.rows).map(({ sums }) => sums);
    result[tenant] = {
      requests: sums.reduce((sum, { requests }) => sum + requests, 0),
      events: batches.items.flatMap(({ events }) => events.map(({ id }) => id)).sort(),
      hours: rollups.map(({ hour }) => hour),
    };
    expect(sums.reduce((sum, { inputTokens }) => sum + inputTokens, 0)).toBe(10 * (result[tenant]?.requests ?? 0));
    expect(batches.items.every((batch) => batch.tenant === tenant && batch.events.every((event) => event.tenant === tenant))).toBe(true);
  }
  return result;
}

describe('the delivery of usage (R5.3)', () => {
  it('puts each tenant\'s events into its own batches and its hours\' roll-ups, and forgets the segment', async () => {
    const repository = createMemoryStore().usage;
    const journal = await openFileJournal({ folder: '/u', random: randomBytes, disk: new FaultyDisk() });
    const { delivery } = setup(journal, repository);
    await record(journal, 'a');
    await delivery.deliver();
    await record(journal, 'b');
    await delivery.deliver();
    const { t1 } = await counted(repository);
    expect(t1).toEqual({ requests: 8, events: ['use_a1', 'use_a10', 'use_a4', 'use_a7', 'use_b1', 'use_b10', 'use_b4', 'use_b7'], hours: [HOUR, HOUR + HOUR_MS] });
    expect(journal.pending()).toBe(0);
  });

  it('counts each event once when any single call fails, or its answer is lost', async () => {
    for (const when of ['before', 'after'] as const) {
      for (let failAt = 1; ; failAt += 1) {
        const inner = createMemoryStore().usage;
        const repository = failing(inner, failAt, when);
        const journal = await openFileJournal({ folder: '/u', random: randomBytes, disk: new FaultyDisk() });
        const { delivery, events } = setup(journal, repository);
        await record(journal, 'a');
        await delivery.deliver().catch(() => {});
        await record(journal, 'b', 6);
        await delivery.deliver().catch(() => {});
        await delivery.deliver();
        expect(Object.values(await counted(inner)).map(({ requests, events }) => [requests, events.length])).toEqual([[6, 6], [6, 6], [6, 6]]);
        if (repository.calls() < failAt) break;
        expect(events).toEqual(['usage_delivery_failed', 'usage_delivered_again']);
      }
    }
  });

  it('counts each event once when the process dies at any step, and its successor goes on', async () => {
    for (const when of ['before', 'after'] as const) {
      for (let failAt = 1; ; failAt += 1) {
        const disk = new FaultyDisk();
        const inner = createMemoryStore().usage;
        const repository = failing(inner, failAt, when);
        const journal = await openFileJournal({ folder: '/u', random: randomBytes, disk });
        await record(journal, 'a');
        await setup(journal, repository).delivery.deliver().catch(() => {});
        await record(journal, 'b', 6);
        const successor = await openFileJournal({ folder: '/u', random: randomBytes, disk });
        await setup(successor, inner).delivery.deliver();
        expect(Object.values(await counted(inner)).map(({ requests, events }) => [requests, events.length])).toEqual([[6, 6], [6, 6], [6, 6]]);
        if (repository.calls() < failAt) break;
      }
    }
  });

  it('has delivered what was there at each call, with few flights for many callers', async () => {
    const inner = createMemoryStore().usage;
    const repository = failing(inner, 0, 'before');
    const journal = await openFileJournal({ folder: '/u', random: randomBytes, disk: new FaultyDisk() });
    const { delivery } = setup(journal, repository);
    await Promise.all(
      Array.from({ length: 60 }, async (_, index) => {
        await new Promise((resolve) => setTimeout(resolve, index % 7));
        const start = sampleStart(`use_${index}`, { tenant: 't0' });
        await journal.begin(start);
        await journal.end(sampleEnd(start));
        await delivery.deliver();
        expect((await inner.listBatches('t0', { from: 0, to: HOUR * 2 }, { limit: 1000 })).items.flatMap(({ events }) => events.map(({ id }) => id))).toContain(start.id);
      }),
    );
    expect(repository.calls()).toBeLessThan(60 * 3);
    expect((await counted(inner))['t0']?.requests).toBe(60);
  });

  it('delivers by itself, keeps everything while the database is down, says so once, and delivers at its stop', async () => {
    const inner = createMemoryStore().usage;
    let down = true;
    const repository: UsageRepository = {
      ...failing(inner, 0, 'before'),
      putBatch: async (batch) => {
        if (down) throw new KeyholdError('unavailable', 'database down');
        return inner.putBatch(batch);
      },
    };
    const journal = await openFileJournal({ folder: '/u', random: randomBytes, disk: new FaultyDisk() });
    const { delivery, events } = setup(journal, repository);
    await record(journal, 'a');
    delivery.start();
    await expect(delivery.deliver()).rejects.toMatchObject({ code: 'unavailable' });
    await expect(delivery.deliver()).rejects.toMatchObject({ code: 'unavailable' });
    expect(events).toEqual(['usage_delivery_failed']);
    expect(journal.pending()).toBe(12);
    down = false;
    await delivery.stop();
    expect(journal.pending()).toBe(0);

    await record(journal, 'b');
    delivery.start();
    for (let i = 0; i < 1_000 && journal.pending() > 0; i += 1) await new Promise((resolve) => setTimeout(resolve, 20));
    expect(journal.pending()).toBe(0);
    await delivery.stop();
    expect(events).toEqual(['usage_delivery_failed', 'usage_delivered_again']);
  });
});
