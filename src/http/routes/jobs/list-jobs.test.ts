import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startControlPlane, type TestControlPlane } from '../../../../test/support/control-plane.ts';

let plane: TestControlPlane;

beforeAll(async () => {
  plane = await startControlPlane();
});

afterAll(async () => plane.close());

describe('R0.2 GET /api/v1/jobs', () => {
  it('lists each job with the replica that does it, its last run and its next', async () => {
    const reconcile = { name: 'reconcile', description: 'Reconciles.', runs: 'once' };
    const deliver = { name: 'deliver-usage', description: 'Delivers.', runs: 'each-replica', replica: null, lastRun: null, nextRunAt: null };
    expect(await plane.must('GET', '/api/v1/jobs')).toEqual({ items: [{ ...reconcile, replica: null, lastRun: null, nextRunAt: null }, deliver], nextCursor: null });
    const startedAt = Date.UTC(2026, 10, 1);
    const lastRun = { replica: 'a', startedAt, endedAt: startedAt + 250, outcome: 'failed', code: 'unavailable', counts: { vault: 3 } } as const;
    await plane.metadata.leases.create({ name: 'reconcile' }, { holder: 'b', termMs: 30_000, lastRun, nextRunAt: startedAt + 60_000 });
    expect((await plane.must('GET', '/api/v1/jobs'))['items']).toEqual([
      {
        ...reconcile,
        replica: 'b',
        lastRun: { replica: 'a', startedAt: '2026-11-01T00:00:00.000Z', endedAt: '2026-11-01T00:00:00.250Z', outcome: 'failed', code: 'unavailable' },
        nextRunAt: '2026-11-01T00:01:00.000Z',
      },
      deliver,
    ]);
  });
});
