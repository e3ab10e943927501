import { describe, expect, it } from 'vitest';
import { createMemoryStore } from '../../adapters/metadata-store/memory/memory-store.ts';
import { RecordingLog } from '../../../test/support/recording-log.ts';
import { KeyholdError } from '../../ports/errors.ts';
import type { BudgetAccountRepository, TenantBudgetsRecord } from '../../ports/metadata/budgets.ts';
import type { UsageEvent } from '../../ports/usage.ts';
import { defaultPolicy } from '../tenants/default-policy.ts';
import { type BudgetedRequest, BudgetGate } from './budget-gate.ts';
import { type BudgetInput, budgetsFrom } from './budget-request.ts';
import { Escrow } from './escrow.ts';
import { Reserved } from './reserved.ts';
import { BudgetSettlement } from './settlement.ts';

const price = { rates: { input: 1_000_000, cachedInput: 0, cacheWrite: 2_000_000, longCacheWrite: 0, audioInput: 0, output: 4_000_000, audioOutput: 0 }, request: 0, longContext: [] };
const day: BudgetInput = { amount: { tokens: 1_000 }, per: 'day', hard: true };

function createWorld(own: readonly BudgetInput[], platform: readonly BudgetInput[] = []) {
  const store = createMemoryStore();
  const state = { wall: Date.UTC(2026, 10, 28, 12), steady: 0, isAway: false, policy: defaultPolicy, journal: '0123456789abcdef', segment: 0, marks: [] as string[], onWrite: () => {} };
  const clock = { now: () => state.wall, monotonic: () => state.steady };
  const unlessAway = <A extends readonly unknown[], R>(call: (...args: A) => Promise<R>) => async (...args: A): Promise<R> => {
    if (state.isAway) throw new KeyholdError('unavailable', 'The database is away.');
    return call(...args);
  };
  const inner = store.budgetAccounts;
  const accounts: BudgetAccountRepository = {
    get: unlessAway((key) => inner.get(key)),
    create: unlessAway(async (key, record) => {
      state.onWrite();
      return inner.create(key, record);
    }),
    replace: unlessAway((key, record, revision) => inner.replace(key, record, revision)),
    remove: unlessAway((key, revision) => inner.remove(key, revision)),
    outstanding: unlessAway((page) => inner.outstanding(page)),
  };
  const log = new RecordingLog();
  const alerts: number[] = [];
  const budgets: { record: TenantBudgetsRecord } = { record: { own: budgetsFrom('own', own, 'budgets'), platform: budgetsFrom('platform', platform, 'budgets') } };
  const journal = {
    get name() {
      return state.journal;
    },
    hold: async () => void state.marks.push(state.journal),
    release: async () => void (state.marks = []),
  };
  const escrow = new Escrow({ accounts, journal, clock });
  const gate = new BudgetGate({ tenantBudgets: { of: () => budgets.record }, policies: { policyOf: () => state.policy }, escrow, journal, listedName: (_service, model) => (model === 'gpt-5-2025-08-07' ? 'gpt-5' : undefined), clock });
  const settlement = new BudgetSettlement({ accounts, clock, log, metrics: { budgetAlert: ({ percent }) => alerts.push(percent) } });
  const request = (change: Partial<BudgetedRequest> & { input?: number; output?: number | null; open?: boolean } = {}): BudgetedRequest => {
    const { input = 10, output = 90, open = false, ...rest } = change;
    return { tenant: 'acme', gatewayKey: null, service: 'openai', models: ['gpt-4o'], price, isListed: true, bounds: () => ({ inputTokens: input, inputIsOpen: open, outputTokens: output }), ...rest };
  };
  const reserve = async (change: Parameters<typeof request>[0] = {}): Promise<Reserved> => {
    const reserved = await gate.reserve(request(change));
    if (reserved === null) throw new Error('no budget holds');
    return reserved;
  };
  /** Ends a request with what it came to, and delivers it. */
  const end = async (reserved: Reserved, used: { tokens?: number; cost?: number | null; estimated?: boolean; attempts?: number }): Promise<void> => {
    const shares = reserved.sharesOf({ attempts: 1, tokens: 0, cost: null, estimated: false, ...used });
    reserved.settle(shares);
    await settlement.spend('acme', state.journal, (state.segment += 1), [{ shares } as Partial<UsageEvent> as UsageEvent]);
  };
  const account = async (budget: string, period = '2026-11-28') => (await inner.get({ tenant: 'acme', budget, period }))?.record;
  return { store, state, budgets, escrow, gate, settlement, request, reserve, end, account, alerts, log };
}

const exceeded = { code: 'budget_exceeded' };

describe('budgets before a request (R5.4)', () => {
  it('answers without a promise where there are none, and where the slice holds', async () => {
    const none = createWorld([]);
    expect(none.gate.reserve(none.request())).toBeNull();
    const one = createWorld([{ ...day, amount: { tokens: 1_000_000 } }]);
    await one.reserve();
    expect(one.gate.reserve(one.request())).toBeInstanceOf(Reserved);
    expect(one.state.marks).toEqual([one.state.journal]);
  });

  it('R0.3: says what is left, of which budget, and when it renews', async () => {
    const world = createWorld([day]);
    await world.end(await world.reserve(), { tokens: 70 });
    const error = await world.reserve({ output: 990 }).catch((cause: unknown) => cause);
    expect(error).toMatchObject({
      code: 'budget_exceeded',
      message: "The tenant's budget of tokens for the day has 930 tokens left of 1,000 tokens, and this request could use up to 1,000 tokens. It renews at 2026-11-29T00:00:00.000Z. Send a smaller request (max_tokens counts in full), or ask a tenant administrator for more.",
      details: { budget: 'own.tokens.day.hard', period: '2026-11-28', left: { tokens: 930 }, needed: { tokens: 1_000 }, renewsAt: '2026-11-29T00:00:00.000Z' },
    });
    // Smaller ones still fit.
    await world.reserve({ output: 900 });
  });

  it('holds both layers and the key\'s own, and takes from all or from none', async () => {
    const world = createWorld([day], [{ ...day, amount: { requests: 2 } }]);
    const gatewayKey = { budget: budgetsFrom('0123456789abcdef', [{ ...day, amount: { tokens: 150 } }], 'budget') };
    await world.reserve({ gatewayKey });
    await expect(world.reserve({ gatewayKey })).rejects.toMatchObject({ ...exceeded, details: { budget: '0123456789abcdef.tokens.day.hard' } });
    // What was taken in the others before is there again.
    await world.reserve();
    await expect(world.reserve()).rejects.toMatchObject({ ...exceeded, details: { budget: 'platform.requests.day.hard' } });
    await expect(world.reserve({ output: 790, gatewayKey: null })).rejects.toMatchObject({ details: { budget: 'platform.requests.day.hard' } });
  });

  it('is for the models that it names, fallbacks included (S8)', async () => {
    const world = createWorld([{ ...day, amount: { requests: 1 }, models: ['o3*', 'gpt-5'] }]);
    expect(world.gate.reserve(world.request({ models: ['gpt-4o'] }))).toBeNull();
    await world.reserve({ models: ['gpt-4o', 'o3-mini'] });
    await expect(world.reserve({ models: ['gpt-5'] })).rejects.toMatchObject({ message: expect.stringContaining('has 0 requests left of 1 request, and this request could use up to 1 request. ') });
    for (const other of ['GPT-5', 'gpt-5-2025-08-07', 'models/gpt-5', 'openai/O3-pro']) await expect(world.reserve({ models: [other] })).rejects.toMatchObject(exceeded);
    expect(world.gate.reserve(world.request({ models: ['gpt-5-mini'] }))).toBeNull();
  });

  it('refuses what nothing bounds, or lets it through as an overrun, as the budget says', async () => {
    const world = createWorld([day]);
    await expect(world.reserve({ output: null })).rejects.toMatchObject({ code: 'invalid_argument', message: expect.stringContaining('send max_tokens') });
    await expect(world.reserve({ open: true })).rejects.toMatchObject({ code: 'invalid_argument' });
    const lenient = createWorld([{ ...day, unbounded: 'allow' }]);
    await lenient.end(await lenient.reserve({ output: null }), { tokens: 1_400 });
    expect(await lenient.account('own.tokens.day.hard')).toMatchObject({ spent: 1_400 });
    await expect(lenient.reserve({ output: null })).rejects.toMatchObject({ ...exceeded, details: { left: { tokens: 0 } } });
  });

  it('counts money by the worst case, and then by what it cost; unpriced models are no way around the platform\'s layer', async () => {
    const money: BudgetInput = { amount: { money: '0.001' }, per: 'day', hard: true };
    const world = createWorld([money]);
    const reserved = await world.reserve();
    expect(reserved.shares).toEqual([{ budget: 'own.money.day.hard', period: '2026-11-28', amount: 10 * 2_000 + 90 * 4_000, of: 1_000_000 }]);
    await world.end(reserved, { cost: 12_345 });
    expect(await world.account('own.money.day.hard')).toMatchObject({ spent: 12_345 });
    await expect(world.reserve({ output: 500 })).rejects.toMatchObject({ message: expect.stringContaining('has USD 0.000987655 left of USD 0.001') });
    expect((await world.reserve({ price: null })).shares).toMatchObject([{ amount: 0 }]);
    const platform = createWorld([], [money]);
    await expect(platform.reserve({ isListed: false })).rejects.toMatchObject({ code: 'invalid_argument', message: expect.stringContaining('price') });
  });
});

describe('budgets over time (R5.4)', () => {
  it('counts what is only estimated as what was reserved, and nothing for what no provider was called for', async () => {
    const world = createWorld([day, { ...day, amount: { requests: 100 } }]);
    await world.end(await world.reserve(), { tokens: 3, estimated: true });
    await world.end(await world.reserve(), { tokens: 0, attempts: 0 });
    expect(await world.account('own.tokens.day.hard')).toMatchObject({ spent: 100 });
    expect(await world.account('own.requests.day.hard')).toMatchObject({ spent: 1 });
  });

  it('counts a request in the period in which it began, in the tenant\'s time zone', async () => {
    const world = createWorld([day]);
    world.state.policy = { ...defaultPolicy, timeZone: 'Pacific/Auckland' };
    const open = await world.reserve({ output: 900 });
    world.state.wall += 86_400_000;
    await world.reserve({ output: 900 });
    await world.end(open, { tokens: 500 });
    expect(await world.account('own.tokens.day.hard', '2026-11-29')).toMatchObject({ spent: 500 });
    // A clock that is put back finds the old account, with what was spent.
    world.state.wall -= 86_400_000;
    await expect(world.reserve({ output: 600 })).rejects.toMatchObject(exceeded);
  });

  it('holds a smaller budget at once, also where a larger slice was leased before', async () => {
    const world = createWorld([{ ...day, amount: { tokens: 800_000 } }]);
    await world.end(await world.reserve(), { tokens: 100 });
    expect(world.gate.reserve(world.request())).toBeInstanceOf(Reserved);
    world.budgets.record = { own: budgetsFrom('own', [{ ...day, amount: { tokens: 50 } }], 'budgets'), platform: [] };
    await expect(world.reserve()).rejects.toMatchObject({ ...exceeded, details: { left: { tokens: 0 } } });
    world.budgets.record = { own: budgetsFrom('own', [{ ...day, amount: { tokens: 300 } }], 'budgets'), platform: [] };
    await world.reserve();
    await expect(world.reserve()).rejects.toMatchObject(exceeded);
  });

  it('holds a smaller budget also where a larger slice is being leased while it is set', async () => {
    const world = createWorld([{ ...day, amount: { tokens: 800_000 } }]);
    const later: Promise<unknown>[] = [];
    world.state.onWrite = () => {
      world.budgets.record = { own: budgetsFrom('own', [{ ...day, amount: { tokens: 150 } }], 'budgets'), platform: [] };
      later.push(world.reserve().then(() => 'let through', (error: { code: string }) => error.code));
    };
    const first = await world.reserve();
    expect(await Promise.all(later)).toEqual(['budget_exceeded']);
    await expect(world.reserve()).rejects.toMatchObject({ ...exceeded, details: { left: { tokens: 50 } } });
    await world.end(first, { tokens: 100 });
    await world.reserve({ output: 40 });
  });

  it('gives back what is idle, and takes the journal\'s mark away when nothing is held; also of a budget that is no more', async () => {
    const world = createWorld([{ ...day, amount: { tokens: 800_000 } }]);
    const open = await world.reserve();
    world.budgets.record = { own: [], platform: [] };
    world.state.steady += 5_000;
    await world.escrow.tend();
    expect(await world.account('own.tokens.day.hard')).toMatchObject({ slices: [{ granted: 100, spent: 0 }] });
    expect(world.state.marks).toHaveLength(1);
    await world.end(open, { tokens: 40 });
    world.state.steady += 5_000;
    await world.escrow.tend();
    expect(await world.account('own.tokens.day.hard')).toMatchObject({ spent: 40, slices: [{ granted: 40, spent: 40 }] });
    expect(world.state.marks).toEqual([]);
  });

  it('serves from its slice while the database is away, and answers unavailable when that is used up', async () => {
    const world = createWorld([{ ...day, amount: { tokens: 800_000 } }]);
    await world.reserve();
    world.state.isAway = true;
    for (let n = 0; n < 10; n += 1) expect(world.gate.reserve(world.request())).toBeInstanceOf(Reserved);
    await expect(world.reserve({ output: 2_000 })).rejects.toMatchObject({ code: 'unavailable', message: expect.stringContaining('cannot be looked up now') });
    world.state.isAway = false;
    await world.reserve({ output: 2_000 });
  });

  it('begins anew under another name when its journal was taken over', async () => {
    const world = createWorld([day]);
    const before = await world.reserve();
    world.state.journal = 'fedcba9876543210';
    expect(before.isCurrent).toBe(false);
    await world.settlement.end('0123456789abcdef', true);
    const after = await world.reserve({ output: 900 });
    expect(after.isCurrent).toBe(true);
    expect(await world.account('own.tokens.day.hard')).toMatchObject({ closed: ['0123456789abcdef'], slices: [{ journal: 'fedcba9876543210' }] });
  });

  it('counts what an unreadable journal had leased as unaccounted', async () => {
    const world = createWorld([day]);
    await world.end(await world.reserve(), { tokens: 60 });
    await world.reserve({ output: 200 });
    await world.settlement.end(world.state.journal, false);
    const record = await world.account('own.tokens.day.hard');
    expect(record).toMatchObject({ spent: 60, slices: [] });
    expect(record?.unaccounted).toBeGreaterThanOrEqual(210);
    await world.settlement.end(world.state.journal, false);
    expect(await world.account('own.tokens.day.hard')).toEqual(record);
  });

  it('tells at 50, 80 and 100 % once, soft or hard, however often a segment is delivered', async () => {
    const world = createWorld([{ ...day, hard: false, amount: { requests: 5 } }]);
    for (let n = 0; n < 7; n += 1) await world.end(await world.reserve(), { tokens: 1 });
    await world.settlement.spend('acme', world.state.journal, 3, [{ shares: [{ budget: 'own.requests.day.soft', period: '2026-11-28', amount: 5, of: 5 }] } as Partial<UsageEvent> as UsageEvent]);
    expect(world.alerts).toEqual([50, 80, 100]);
    expect(await world.account('own.requests.day.soft')).toMatchObject({ spent: 7, alerts: [{ percent: 50 }, { percent: 80 }, { percent: 100 }] });
    expect(world.log.lines.filter(({ event }) => event === 'budget_alert')).toHaveLength(3);
  });
});
