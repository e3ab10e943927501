import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createMemoryStore } from '../../adapters/metadata-store/memory/memory-store.ts';
import type { UsageRepository } from '../../ports/metadata/usage.ts';
import { platformScope, tenantScope } from '../../ports/scope.ts';
import type { UsageEvent } from '../../ports/usage.ts';
import type { Actor } from '../access/actor.ts';
import type { Role } from '../access/role.ts';
import { type Grant, makeGrant } from '../access/grant.ts';
import { addEvents, dimensionsOf, HOUR_MS, hourOf, sumsOf } from './rollup.ts';
import { UsageQuery } from './usage-query.ts';
import { sampleEvent } from './usage-samples.ts';

const NOW = Date.UTC(2026, 0, 31, 12, 30, 15, 250);
const clock = { now: () => NOW, monotonic: () => 0 };

function grant(role: Role = 'tenant-admin', id = 'tok_1', tenant = 'acme'): Grant {
  const actor: Actor = { kind: 'token', id, role, scope: role.startsWith('platform') ? platformScope : tenantScope(tenant) };
  return makeGrant(clock, actor, 'usage.read', { scope: tenantScope(tenant) }, 'req', null);
}

/** As the delivery would have stored them: a batch and roll-ups for each segment of each journal. */
async function store(repository: UsageRepository, journal: string, segment: number, events: readonly UsageEvent[]): Promise<void> {
  for (const [tenant, own] of Map.groupBy(events, (event) => event.tenant)) {
    await repository.putBatch({ tenant, journal, segment, events: own });
    for (const [hour, ofHour] of Map.groupBy(own, ({ time }) => hourOf(time))) {
      const key = { tenant, hour, journal };
      const old = await repository.getRollup(key);
      const rollup = { appliedSegment: segment, rows: addEvents(old?.record.rows ?? [], ofHour) };
      if (old === undefined) await repository.createRollup(key, rollup);
      else await repository.replaceRollup(key, rollup, old.revision);
    }
  }
}

function setup() {
  const repository = createMemoryStore().usage;
  const delivery = { calls: 0, deliver: async (): Promise<void> => void (delivery.calls += 1) };
  return { repository, delivery, query: new UsageQuery({ repository, delivery, clock }) };
}

const sums = (requests: number) => ({
  requests,
  unpricedRequests: requests,
  inputTokens: 10 * requests,
  outputTokens: 20 * requests,
  cachedTokens: 3 * requests,
  cacheWriteTokens: 2 * requests,
  reasoningTokens: requests,
  cost: null,
});

describe('usage (R0.2)', () => {
  it('delivers what is written first, then sums the last 30 days up to now', async () => {
    const { repository, delivery, query } = setup();
    await store(repository, 'j1', 1, [sampleEvent('use_1', NOW), sampleEvent('use_2', NOW - 29 * 24 * HOUR_MS), sampleEvent('use_old', NOW - 31 * 24 * HOUR_MS), sampleEvent('use_x', NOW, { tenant: 'other' })]);
    expect(await query.summary(grant(), {})).toEqual({ from: '2026-01-01T12:00:00.000Z', to: '2026-01-31T12:30:15.251Z', totals: sums(2), groups: [] });
    expect(delivery.calls).toBe(1);
  });

  it('is nothing, at no known cost, for a tenant that has used nothing', async () => {
    const { query } = setup();
    expect(await query.summary(grant(), { groupBy: ['model'] })).toMatchObject({ totals: sums(0), groups: [] });
    expect(await query.events(grant(), {})).toEqual({ items: [], next: undefined });
  });

  it('sums what the priced requests cost, and says how many had no price, also over sums from before there were prices', async () => {
    const { repository, query } = setup();
    const cost = (amount: string) => ({ cost: { amount, currency: 'USD' }, unpriced: false });
    await store(repository, 'j1', 1, [sampleEvent('use_1', NOW, cost('0.1')), sampleEvent('use_2', NOW, cost('0.000000002')), sampleEvent('use_3', NOW), sampleEvent('use_4', NOW, { model: 'free', ...cost('0') })]);
    const { totals, groups } = await query.summary(grant(), { groupBy: ['model'] });
    expect(totals).toMatchObject({ requests: 4, unpricedRequests: 1, cost: { amount: '0.100000002', currency: 'USD' } });
    expect(groups.map(({ model, cost, unpricedRequests }) => [model, cost?.amount, unpricedRequests])).toEqual([['gpt-4o-mini', '0.100000002', 1], ['free', '0', 0]]);
    const { nanoDollars: _, ...old } = sumsOf(sampleEvent('use_0', NOW));
    await repository.createRollup({ tenant: 'old', hour: hourOf(NOW), journal: 'j1' }, { appliedSegment: 1, rows: [{ dimensions: dimensionsOf(sampleEvent('use_0', NOW)), sums: old }] });
    expect((await query.summary(grant('tenant-admin', 'tok_1', 'old'), {})).totals).toMatchObject({ requests: 1, unpricedRequests: 1, cost: null });
  });

  it('groups by any of its dimensions, most requests first', async () => {
    const { repository, query } = setup();
    await store(repository, 'j1', 1, [sampleEvent('use_1', NOW), sampleEvent('use_2', NOW, { model: null, service: 'anthropic' }), sampleEvent('use_3', NOW, { outcome: 'failed' })]);
    await store(repository, 'j2', 1, [sampleEvent('use_4', NOW)]);
    const { groups } = await query.summary(grant(), { groupBy: ['service', 'model', 'service'] });
    expect(groups).toEqual([
      { service: 'openai', model: 'gpt-4o-mini', ...sums(3) },
      { service: 'anthropic', model: null, ...sums(1) },
    ]);
    expect((await query.summary(grant(), { groupBy: ['outcome'] })).groups).toEqual([
      { outcome: 'completed', ...sums(3) },
      { outcome: 'failed', ...sums(1) },
    ]);
  });

  it('refuses an unknown dimension and names the known ones; refuses an empty period and impossible times and limits', async () => {
    const { query } = setup();
    await expect(query.summary(grant(), { groupBy: ['tenant'] })).rejects.toMatchObject({
      code: 'invalid_argument',
      publicMessage: expect.stringContaining('model, service, route, outcome, keySource, credentialId, gatewayKeyId, tokenId'),
    });
    for (const period of [{ from: 5, to: 5 }, { from: 6, to: 5 }, { from: -1 }, { to: Number.NaN }, { to: 1e18 }]) {
      await expect(query.summary(grant(), period)).rejects.toMatchObject({ code: 'invalid_argument' });
      await expect(query.events(grant(), period)).rejects.toMatchObject({ code: 'invalid_argument' });
    }
    for (const limit of [0, 1001, 1.5]) await expect(query.events(grant(), { limit })).rejects.toMatchObject({ code: 'invalid_argument' });
    for (const after of ['', 'x', '!!', Buffer.from('5').toString('base64url'), Buffer.from('5.\0').toString('base64url')]) {
      await expect(query.events(grant(), { after })).rejects.toMatchObject({ code: 'invalid_argument' });
    }
  });

  it('says it cannot be answered when what is written cannot be delivered', async () => {
    const { repository } = setup();
    const query = new UsageQuery({ repository, clock, delivery: { deliver: async () => Promise.reject(new Error('down')) } });
    await expect(query.summary(grant(), {})).rejects.toThrow('down');
    await expect(query.events(grant(), {})).rejects.toThrow('down');
  });

  it('takes the tenant from the grant alone, once', async () => {
    const { repository, query } = setup();
    await store(repository, 'j1', 1, [sampleEvent('use_1', NOW), sampleEvent('use_2', NOW, { tenant: 'other' })]);
    expect((await query.summary(grant('platform-auditor'), {})).totals.requests).toBe(1);
    const once = grant();
    await query.events(once, {});
    await expect(query.events(once, {})).rejects.toMatchObject({ code: 'internal' });
    await expect(query.summary(makeGrant(clock, grant().actor, 'audit.read', { scope: tenantScope('acme') }, null, null), {})).rejects.toMatchObject({ code: 'internal' });
  });

  it('shows a tenant-member the use of its own token only', async () => {
    const { repository, query } = setup();
    const mine = { tokenId: 'tok_m', gatewayKeyId: null };
    await store(repository, 'j1', 1, [
      sampleEvent('use_1', NOW - 2 * HOUR_MS, mine),
      sampleEvent('use_2', NOW - 29 * 24 * HOUR_MS - 1, mine),
      sampleEvent('use_3', NOW, { tokenId: 'tok_other', gatewayKeyId: null }),
      sampleEvent('use_4', NOW),
    ]);
    const member = () => grant('tenant-member', 'tok_m');
    expect((await query.summary(member(), {})).totals.requests).toBe(2);
    expect((await query.summary(member(), { from: NOW - 29 * 24 * HOUR_MS - 1, to: NOW, groupBy: ['tokenId'] })).groups).toEqual([{ tokenId: 'tok_m', ...sums(2) }]);
    expect((await query.events(member(), {})).items.map(({ id }) => id)).toEqual(['use_1', 'use_2']);
  });

  it('shows an event with exactly the fields of the contract (R5.3)', async () => {
    const { repository, query } = setup();
    await store(repository, 'j1', 1, [sampleEvent('use_1', NOW, { tags: { team: 'a' }, endUser: 'Zoë 🔑' })]);
    const { tenant: _, ...event } = sampleEvent('use_1', NOW, { tags: { team: 'a' }, endUser: 'Zoë 🔑' });
    expect((await query.events(grant(), {})).items).toStrictEqual([{ ...event, time: '2026-01-31T12:30:15.250Z' }]);
  });

  it('counts an event at `from` and not one at `to`, this very millisecond included', async () => {
    const { repository, query } = setup();
    await store(repository, 'j1', 1, [sampleEvent('use_1', NOW), sampleEvent('use_2', NOW - 5)]);
    expect((await query.summary(grant(), { from: NOW - 5, to: NOW })).totals.requests).toBe(1);
    expect((await query.summary(grant(), { from: NOW - 3 * HOUR_MS, to: NOW })).totals.requests).toBe(1);
    expect((await query.summary(grant(), { from: NOW - 4, to: NOW + 1 })).totals.requests).toBe(1);
    expect((await query.events(grant(), { from: NOW - 5, to: NOW })).items.map(({ id }) => id)).toEqual(['use_2']);
  });

  it('orders events of one millisecond by id, whichever journal they are in', async () => {
    const { repository, query } = setup();
    for (const [journal, id] of [['j1', 'use_c'], ['j2', 'use_d'], ['j3', 'use_b'], ['j4', 'use_a']] as const) await store(repository, journal, 1, [sampleEvent(id, NOW)]);
    const seen: string[] = [];
    let after: string | undefined;
    do {
      const page = await query.events(grant(), { limit: 1, after });
      seen.push(...page.items.map(({ id }) => id));
      after = page.next;
    } while (after !== undefined);
    expect(seen).toEqual(['use_d', 'use_c', 'use_b', 'use_a']);
  });

  const time = fc.integer({ min: NOW - 4 * HOUR_MS, max: NOW });
  const history = fc.array(
    fc.record({ journal: fc.constantFrom('j1', 'j2'), events: fc.array(fc.record({ time, model: fc.constantFrom('a', 'b', null), mine: fc.boolean() }), { minLength: 1, maxLength: 8 }) }),
    { maxLength: 12 },
  );

  async function stored(segments: readonly { journal: string; events: readonly { time: number; model: string | null; mine: boolean }[] }[]) {
    const { repository, query } = setup();
    const all: UsageEvent[] = [];
    for (const [index, { journal, events }] of segments.entries()) {
      const made = events.map(({ time, model, mine }, number) => sampleEvent(`use_${index}-${number}`, time, { model, tokenId: mine ? 'tok_m' : 'tok_o' }));
      all.push(...made);
      await store(repository, journal, index + 1, made);
    }
    return { query, all };
  }

  it('sums exactly from `from` to `to`, whatever hours they cut', async () => {
    const edge = fc.integer({ min: NOW - 5 * HOUR_MS, max: NOW + 2 * HOUR_MS });
    await fc.assert(
      fc.asyncProperty(history, edge, fc.option(edge, { nil: undefined }), fc.boolean(), async (segments, from, to, member) => {
        fc.pre(to === undefined || from < to);
        const { query, all } = await stored(segments);
        const expected = all.filter((event) => event.time >= from && event.time < (to ?? Infinity) && (!member || event.tokenId === 'tok_m'));
        const summary = await query.summary(member ? grant('tenant-member', 'tok_m') : grant(), { from, to, groupBy: ['model'] });
        expect(summary.totals).toEqual(sums(expected.length));
        expect(Object.fromEntries(summary.groups.map(({ model, requests }) => [String(model), requests]))).toEqual(
          Object.fromEntries([...Map.groupBy(expected, ({ model }) => String(model))].map(([model, { length }]) => [model, length])),
        );
      }),
      { numRuns: 200 },
    );
  });

  it('pages through every event once, newest first, over journals that overlap', async () => {
    await fc.assert(
      fc.asyncProperty(history, fc.integer({ min: 1, max: 7 }), fc.option(time, { nil: undefined }), async (segments, limit, from) => {
        const { query, all } = await stored(segments);
        const expected = all.filter((event) => event.time >= (from ?? 0)).sort((a, b) => b.time - a.time || (a.id < b.id ? 1 : -1));
        const seen: string[] = [];
        let after: string | undefined;
        do {
          const page = await query.events(grant(), { from, limit, after });
          expect(page.items.length).toBeLessThanOrEqual(limit);
          seen.push(...page.items.map(({ id }) => id));
          after = page.next;
        } while (after !== undefined);
        expect(seen).toEqual(expected.map(({ id }) => id));
      }),
      { numRuns: 200 },
    );
  });
});
