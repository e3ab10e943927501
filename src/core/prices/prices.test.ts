import { describe, expect, it } from 'vitest';
import { type AccessWorld, createAccessWorld, platformAdmin, tenantActor } from '../../../test/support/access-world.ts';
import { platformScope, tenantScope } from '../../ports/scope.ts';
import type { Actor } from '../access/actor.ts';
import type { IfMatch } from '../versions/etag.ts';
import type { SetPriceTexts } from './price-request.ts';

const acme = tenantScope('acme');
const start = Date.UTC(2026, 10, 1);

async function world() {
  const made = createAccessWorld();
  await made.addTenant('acme');
  await made.addTenant('other');
  return made;
}

const put = (made: AccessWorld, scope: typeof acme | typeof platformScope, prices: readonly SetPriceTexts[], ifMatch?: IfMatch, actor: Actor = platformAdmin) =>
  made.perform(actor, 'prices.put', { scope }, (grant) => made.priceService.put(grant, prices, ifMatch));
const get = (made: AccessWorld, scope: typeof acme | typeof platformScope, actor: Actor = platformAdmin) => made.perform(actor, 'prices.read', { scope }, (grant) => made.priceService.get(grant));

async function inputOf(made: AccessWorld, tenant: string, model: string, at = start, service = 'openai'): Promise<number | undefined> {
  return (await made.prices.tableOf(tenant)).find(service, model, at)?.rates.input;
}

describe('prices that are set (point 6 of R5.4)', () => {
  it('are nothing until some are put, and come back as they were put, money as decimal texts (R0.3)', async () => {
    const made = await world();
    expect(await get(made, platformScope)).toEqual({ prices: [], etag: '0' });
    const given: SetPriceTexts = { service: 'openai', model: 'GPT-4o', from: start, input: '2.00', cachedInput: '0.500000', output: '8', request: '0.0010', longContext: [{ above: 272_000, input: '4', output: '12.5' }] };
    const view = await put(made, acme, [given]);
    expect(view).toEqual({
      prices: [{ service: 'openai', model: 'gpt-4o', from: start, input: '2', cachedInput: '0.5', output: '8', request: '0.001', longContext: [{ above: 272_000, input: '4', output: '12.5' }] }],
      etag: '1',
    });
    expect(await get(made, acme, tenantActor('tenant-member'))).toEqual(view);
    expect(made.rows.filter((row) => row.includes('prices'))).toEqual(['intent prices.put platformadmin000 tenant:acme']);
  });

  it('hold for one tenant before those of the platform, and those before what providers publish', async () => {
    const made = await world();
    expect(await inputOf(made, 'acme', 'gpt-4o')).toBe(2_500_000);
    await put(made, platformScope, [{ service: 'openai', model: 'gpt-4o', input: '2' }, { service: 'openai', model: 'our-own', input: '7' }]);
    await put(made, acme, [{ service: 'openai', model: 'gpt-4o', input: '1' }]);
    expect([await inputOf(made, 'acme', 'gpt-4o'), await inputOf(made, 'other', 'gpt-4o'), await inputOf(made, 'acme', 'our-own'), await inputOf(made, 'acme', 'gpt-4o-mini')]).toEqual([1_000_000, 2_000_000, 7_000_000, 150_000]);
    expect(await inputOf(made, 'acme', 'openai/gpt-4o', start, 'openrouter')).toBe(2_500_000);
  });

  it('hold for all names of a model, and by * for many: its own name first, then the glob that says most', async () => {
    const made = await world();
    await put(made, platformScope, [
      { service: 'openai', model: '*', input: '9' },
      { service: 'openai', model: 'gpt-4o*', input: '5' },
      { service: 'openai', model: 'gpt-4o', input: '2' },
    ]);
    expect(await Promise.all(['gpt-4o', 'GPT-4o', 'gpt-4o-2024-11-20', 'gpt-4o-2024-05-13', 'nobody-knows-it'].map((model) => inputOf(made, 'acme', model)))).toEqual([2_000_000, 2_000_000, 2_000_000, 5_000_000, 9_000_000]);
  });

  it('have dates: before the first one what else is known holds', async () => {
    const made = await world();
    await put(made, acme, [
      { service: 'openai', model: 'gpt-4o', from: start + 2_000, input: '1' },
      { service: 'openai', model: 'gpt-4o', from: start + 1_000, input: '2' },
    ]);
    expect(await Promise.all([0, 999, 1_000, 1_999, 2_000].map((after) => inputOf(made, 'acme', 'gpt-4o', start + after)))).toEqual([2_500_000, 2_500_000, 2_000_000, 2_000_000, 1_000_000]);
  });

  it('count at the next request; a change that nobody announced counts within 10 seconds', async () => {
    const made = await world();
    await inputOf(made, 'acme', 'gpt-4o');
    await put(made, acme, [{ service: 'openai', model: 'gpt-4o', input: '1' }]);
    expect(await inputOf(made, 'acme', 'gpt-4o')).toBe(1_000_000);
    expect(made.published.at(-1)).toEqual({ topic: 'prices', scopeKey: 'tenant:acme', version: 1 });
    await made.store.priceBooks.replace({ scope: acme }, { prices: [] }, 1);
    made.advance(10_000);
    expect(await inputOf(made, 'acme', 'gpt-4o')).toBe(2_500_000);
  });

  it('are looked up without waiting once they are known', async () => {
    const made = await world();
    await made.prices.tableOf('acme');
    expect(made.prices.tableOf('acme')).not.toBeInstanceOf(Promise);
  });

  it('are replaced as a whole; a stale If-Match is refused', async () => {
    const made = await world();
    await put(made, platformScope, [{ service: 'openai', model: 'a', input: '1' }], ['0']);
    await expect(put(made, platformScope, [], ['0'])).rejects.toMatchObject({ code: 'precondition_failed' });
    expect(await put(made, platformScope, [], ['1'])).toEqual({ prices: [], etag: '2' });
  });

  it('are the platform\'s administrator\'s to set: a tenant would change what the platform\'s budgets count', async () => {
    const made = await world();
    for (const role of ['tenant-admin', 'tenant-member', 'tenant-auditor'] as const) await expect(put(made, acme, [], undefined, tenantActor(role))).rejects.toMatchObject({ code: 'permission_denied' });
    await expect(get(made, acme, tenantActor('tenant-admin', 'other'))).rejects.toMatchObject({ code: 'not_found' });
  });

  it.each<[string, SetPriceTexts[]]>([
    ['invalid_argument', [{ service: 'openai', model: '', input: '1' }]],
    ['invalid_argument', [{ service: 'openai', model: 'gpt 4', input: '1' }]],
    ['invalid_argument', [{ service: 'openai', model: 'gpt-[45]', input: '1' }]],
    ['invalid_argument', [{ service: 'openai', model: 'a', input: '-1' }]],
    ['invalid_argument', [{ service: 'openai', model: 'a', input: '0.0000001' }]],
    ['invalid_argument', [{ service: 'openai', model: 'a', input: '1000000.1' }]],
    ['invalid_argument', [{ service: 'openai', model: 'a', input: '1', request: '1e3' }]],
    ['invalid_argument', [{ service: 'openai', model: 'a', input: '1', longContext: [{ above: 5, input: '1' }, { above: 5, input: '2' }] }]],
    ['invalid_argument', [{ service: 'openai', model: 'a', input: '1' }, { service: 'openai', model: 'A', from: null, input: '2' }]],
    ['invalid_argument', Array.from({ length: 501 }, (_, at) => ({ service: 'openai', model: `m${at}`, input: '1' }))],
    ['not_found', [{ service: 'nosuch', model: 'a', input: '1' }]],
  ])('are refused with %s: %j', async (code, prices) => {
    const made = await world();
    await expect(put(made, platformScope, prices)).rejects.toMatchObject({ code });
    expect((await get(made, platformScope)).etag).toBe('0');
  });
});

describe('the list of models (R0.2)', () => {
  const list = (made: AccessWorld, actor: Actor, query: { service?: string; search?: string; limit?: number; after?: string | undefined }) =>
    made.perform(actor, 'signed-in.read', { scope: actor.scope }, (grant) => made.modelList.list(grant, { limit: 1000, ...query }));

  it('shows what models cost now, by the prices of whoever asks', async () => {
    const made = await world();
    await put(made, platformScope, [{ service: 'openai', model: 'gpt-4o', input: '2', output: '8' }]);
    await put(made, acme, [{ service: 'openai', model: 'gpt-4o', input: '1', output: '4' }, { service: 'openai', model: 'our-*', input: '7' }]);
    const shown = async (actor: Actor) => (await list(made, actor, { service: 'openai', search: 'GPT-4o' })).items.find(({ model }) => model === 'gpt-4o');
    expect(await shown(tenantActor('tenant-member'))).toMatchObject({ source: 'tenant', rates: { input: '1', cachedInput: '1', output: '4' } });
    expect(await shown(tenantActor('tenant-admin', 'other'))).toMatchObject({ source: 'platform', currency: 'USD', rates: { input: '2', output: '8' } });
    expect(await shown(platformAdmin)).toMatchObject({ source: 'platform' });
    expect((await list(made, tenantActor('tenant-admin'), { search: 'our-' })).items).toMatchObject([{ service: 'openai', model: 'our-*', source: 'tenant', name: null }]);
    expect((await list(made, platformAdmin, { service: 'openai', search: 'gpt-5.4-pro' })).items).toMatchObject([{ source: 'provider', name: expect.stringContaining('GPT') as unknown, rates: { input: '30', output: '180' }, longContext: [{ above: 271_999, input: '60' }] }]);
  });

  it('leaves out what has no price, and comes in pages', async () => {
    const made = await world();
    const whole = (await list(made, platformAdmin, {})).items;
    expect(whole.some(({ model }) => model === 'whisper-1')).toBe(false);
    expect(new Set(whole.map(({ service, model }) => `${service} ${model}`)).size).toBe(whole.length);
    const paged: typeof whole[number][] = [];
    let after: string | undefined;
    do {
      const page = await list(made, platformAdmin, { limit: 400, after });
      paged.push(...page.items);
      after = page.next;
    } while (after !== undefined);
    expect(paged.slice(0, whole.length)).toEqual(whole);
    expect(paged.length).toBeGreaterThan(whole.length);
    await expect(list(made, platformAdmin, { service: 'nosuch' })).rejects.toMatchObject({ code: 'not_found' });
    await expect(list(made, platformAdmin, { after: 'bm8' })).rejects.toMatchObject({ code: 'invalid_argument' });
  });
});
