import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { committedOf, withSpent } from '../../../core/budgets/account.ts';
import { startControlPlane, type TestControlPlane } from '../../../../test/support/control-plane.ts';

let plane: TestControlPlane;
let admin: string;
const path = '/api/v1/tenants/acme/budgets';
const platformPath = '/api/v1/platform/tenants/acme/budgets';
const day = { amount: { tokens: 1_000 }, per: 'day', hard: true };

beforeAll(async () => {
  plane = await startControlPlane();
  await plane.must('POST', '/api/v1/tenants', { body: { id: 'acme', name: 'Acme' } });
  admin = await plane.token('tenant-admin', 'acme');
});

afterAll(async () => plane.close());

describe('R0.2 R5.4 budgets', () => {
  it('are set in two layers: the tenant sees both and changes its own, the platform sees and changes its own alone', async () => {
    expect(await plane.must('GET', path, { token: admin })).toMatchObject({ timeZone: 'UTC', budgets: [], platformBudgets: [], etag: '"0"' });
    await plane.must('PUT', platformPath, { body: { budgets: [{ amount: { money: '12.50', currency: 'USD' }, per: 'month', hard: true, unbounded: 'allow' }] } });
    const answer = await plane.must('PUT', path, { token: admin, body: { budgets: [{ ...day, models: ['gpt-4o*'] }] } });
    const date = new Date(plane.clock.now()).toISOString().slice(0, 10);
    expect(answer['budgets']).toEqual([
      {
        id: expect.stringMatching(/^own\.tokens\.day\.hard\.[0-9a-f]{8}$/), amount: { tokens: 1_000 }, per: 'day', hard: true, models: ['gpt-4o*'], unbounded: 'refuse', period: date,
        renewsAt: new Date(Date.parse(date) + 86_400_000).toISOString(), spent: { tokens: 0 }, reserved: { tokens: 0 }, unaccounted: { tokens: 0 }, left: { tokens: 1_000 }, alerts: [],
      },
    ]);
    expect(answer['platformBudgets']).toMatchObject([{ id: 'platform.money.month.hard', amount: { money: '12.5', currency: 'USD' }, unbounded: 'allow', left: { money: '12.5', currency: 'USD' } }]);
    const shown = await plane.must('GET', platformPath);
    expect(shown['budgets']).toHaveLength(1);
    expect(shown['platformBudgets']).toBeUndefined();
    expect((await plane.call('PUT', platformPath, { token: admin, body: { budgets: [] } })).status).toBe(403);
    expect((await plane.call('PUT', path, { body: { budgets: [] } })).status).toBe(403);
    expect((await plane.must('GET', path, { token: admin }))['platformBudgets']).toHaveLength(1);
  });

  it('show what is spent, reserved, unaccounted and left, in the tenant\'s time zone', async () => {
    await plane.must('PUT', '/api/v1/tenants/acme/policy', { token: admin, body: { timeZone: 'Asia/Tokyo' } });
    await plane.must('PUT', path, { token: admin, body: { budgets: [{ ...day, per: 'total' }] } });
    const now = plane.clock.now();
    const slice = { journal: '0123456789abcdef', granted: 500, spent: 200, segment: 1, writtenAt: now };
    const silent = { journal: 'fedcba9876543210', granted: 50, spent: 0, segment: 1, writtenAt: now - 7_200_000 };
    await plane.metadata.budgetAccounts.create({ tenant: 'acme', budget: 'own.tokens.total.hard', period: 'total' }, { spent: 220, unaccounted: 30, slices: [slice, silent], closed: [], alerts: [{ percent: 50, at: 0 }] });
    const answer = await plane.must('GET', path, { token: admin });
    expect(answer).toMatchObject({
      timeZone: 'Asia/Tokyo',
      budgets: [{ spent: { tokens: 220 }, reserved: { tokens: 300 }, unaccounted: { tokens: 80 }, left: { tokens: 400 }, renewsAt: null, alerts: [{ percent: 50, at: '1970-01-01T00:00:00.000Z' }] }],
    });
  });

  it('R5.4: what a replica had leased that is gone with its disk counts as spent, until an administrator of the platform gives it back', async () => {
    const leases = '/api/v1/platform/budget-leases';
    const [, lost] = ['0123456789abcdef', 'fedcba9876543210'];
    const heardAt = new Date(plane.clock.now() - 7_200_000).toISOString();
    expect(await plane.must('GET', leases)).toEqual({ items: [{ journal: lost, tenant: 'acme', budget: 'own.tokens.total.hard', period: 'total', reserved: { tokens: 50 }, heardAt }], nextCursor: null });
    expect((await plane.call('POST', `${leases}/${lost}/release`, { token: admin })).status).toBe(403);
    expect((await plane.call('POST', `${leases}/0123456789abcdef/release`)).json).toMatchObject({ error: { code: 'conflict', message: expect.stringContaining('during the last hour') } });
    expect(await plane.must('POST', `${leases}/${lost}/release`)).toEqual({ journal: lost, budgets: 1 });
    expect(await plane.must('POST', `${leases}/${lost}/release`)).toEqual({ journal: lost, budgets: 0 });
    expect(await plane.must('GET', path, { token: admin })).toMatchObject({ budgets: [{ spent: { tokens: 220 }, reserved: { tokens: 300 }, unaccounted: { tokens: 30 }, left: { tokens: 450 } }] });
    expect(await plane.must('GET', leases)).toMatchObject({ items: [] });
    // Should its disk turn up all the same, what it says counts, once.
    const key = { tenant: 'acme', budget: 'own.tokens.total.hard', period: 'total' };
    const record = (await plane.metadata.budgetAccounts.get(key))?.record;
    const late = record && withSpent(record, lost, 2, 40, 0);
    expect([late?.spent, late && withSpent(late, lost, 2, 40, 0), late && committedOf(late)]).toEqual([260, undefined, 260 + 30 + 300]);
  });

  it('honour If-Match, and refuse what they cannot hold', async () => {
    const { etag } = await plane.must('GET', path, { token: admin });
    await plane.must('PUT', path, { token: admin, body: { budgets: [day] }, headers: { 'if-match': String(etag) } });
    expect((await plane.call('PUT', path, { token: admin, body: { budgets: [] }, headers: { 'if-match': String(etag) } })).status).toBe(412);
    for (const wrong of [{ ...day, amount: { money: '1', tokens: 1 } }, { ...day, amount: { money: 'all' } }, { ...day, per: 'year' }, { ...day, models: [] }]) {
      expect((await plane.call('PUT', path, { token: admin, body: { budgets: [wrong] } })).status).toBe(400);
    }
    expect((await plane.call('PUT', '/api/v1/tenants/acme/policy', { token: admin, body: { timeZone: 'Mars/Olympus' } })).status).toBe(400);
    expect((await plane.call('PUT', '/api/v1/tenants/acme/limits', { token: admin, body: { requests: [{ max: 1, per: 'week' }] } })).text).toContain('must be one of');
    expect((await plane.must('GET', path, { token: admin }))['budgets']).toHaveLength(1);
  });

  it('are a gateway key\'s, too', async () => {
    const keys = '/api/v1/tenants/acme/gateway-keys';
    const key = await plane.must('POST', keys, { token: admin, body: { name: 'app', budget: [{ amount: { requests: 10 }, per: 'week', hard: false }] } });
    const id = String(key['id']);
    expect(key['budget']).toEqual([{ id: `${id}.requests.week.soft`, amount: { requests: 10 }, per: 'week', hard: false, models: null, unbounded: 'refuse' }]);
    expect(await plane.must('GET', `${keys}/${id}/budget`, { token: admin })).toMatchObject({ budgets: [{ id: `${id}.requests.week.soft`, spent: { requests: 0 }, left: { requests: 10 } }] });
    expect((await plane.must('PATCH', `${keys}/${id}`, { token: admin, body: { name: 'renamed' } }))['budget']).toHaveLength(1);
    expect((await plane.must('PATCH', `${keys}/${id}`, { token: admin, body: { budget: null } }))['budget']).toEqual([]);
    expect((await plane.call('GET', `${keys}/doesnotexist0000/budget`, { token: admin })).status).toBe(404);
  });
});
