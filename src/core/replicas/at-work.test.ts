import { describe, expect, it } from 'vitest';
import { createMemoryStore } from '../../adapters/metadata-store/memory/memory-store.ts';
import type { LeaseRecord } from '../../ports/metadata/leases.ts';
import { replicasAreAtWork } from './at-work.ts';

const key = { name: 'reconcile' };
const clock = { monotonic: () => performance.now() };

function held(holder: string | null): LeaseRecord {
  return { holder, termMs: 300, lastRun: null, nextRunAt: null };
}

describe('whether replicas are at work on a database', () => {
  it('is no at once where none has ever been', async () => {
    expect(await replicasAreAtWork(createMemoryStore().leases, clock, () => expect.unreachable())).toBe(false);
  });

  it('is yes as soon as the lease is written again', async () => {
    const { leases } = createMemoryStore();
    await leases.create(key, held('r1'));
    const answer = replicasAreAtWork(leases, clock, () => undefined);
    await leases.replace(key, held('r1'), 1);
    expect(await answer).toBe(true);
  });

  it('is no when a dead replica holds it, after its term and a third', async () => {
    const { leases } = createMemoryStore();
    await leases.create(key, held('r1'));
    const told: number[] = [];
    const began = performance.now();
    expect(await replicasAreAtWork(leases, clock, (atMostMs) => told.push(atMostMs))).toBe(false);
    expect(told).toEqual([2_400]);
    expect(performance.now() - began).toBeGreaterThanOrEqual(2_400);
  });

  it('is no when the last replica lets it go meanwhile, and yes when another takes it then', async () => {
    const { leases } = createMemoryStore();
    await leases.create(key, held('r1'));
    const alone = replicasAreAtWork(leases, clock, () => undefined);
    await leases.replace(key, held(null), 1);
    expect(await alone).toBe(false);
    const another = replicasAreAtWork(leases, clock, () => undefined);
    await leases.replace(key, held('r2'), 2);
    expect(await another).toBe(true);
  });
});
