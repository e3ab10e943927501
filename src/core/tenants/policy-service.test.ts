import { describe, expect, it } from 'vitest';
import { type AccessWorld, createAccessWorld, tenantActor } from '../../../test/support/access-world.ts';
import { tenantScope } from '../../ports/scope.ts';
import type { IfMatch } from '../versions/etag.ts';
import { defaultPolicy } from './default-policy.ts';
import type { PolicyInput } from './policy-request.ts';

const acme = tenantScope('acme');
const admin = tenantActor('tenant-admin');

async function world() {
  const made = createAccessWorld();
  await made.addTenant('acme');
  await made.addTenant('other');
  return made;
}

const get = (made: AccessWorld) => made.perform(admin, 'policy.read', { scope: acme }, (grant) => made.policyService.get(grant));
const put = (made: AccessWorld, input: PolicyInput, ifMatch?: IfMatch) => made.perform(admin, 'policy.put', { scope: acme }, (grant) => made.policyService.put(grant, input, ifMatch));

describe('a tenant\'s policy (R0.2)', () => {
  it('has the documented defaults until one is put', async () => {
    const made = await world();
    expect(await get(made)).toEqual({
      platformFallback: true, explicitKeys: true, defaultProvider: null, defaultModels: {}, adoptOutsideChanges: false, validateOnAdd: false, unpricedModels: 'allow', timeZone: 'UTC', etag: '0',
    });
    expect(await made.policyReader.policyOf('acme')).toEqual(defaultPolicy);
  });

  it('is replaced as a whole: what is left out has its default again', async () => {
    const made = await world();
    const first = await put(made, { platformFallback: false, explicitKeys: false, defaultProvider: 'anthropic', defaultModels: { openai: 'gpt-4o-mini' } });
    expect(first).toMatchObject({ platformFallback: false, explicitKeys: false, defaultProvider: 'anthropic', defaultModels: { openai: 'gpt-4o-mini' }, etag: '1' });
    expect(await get(made)).toEqual(first);
    expect(await put(made, { platformFallback: false })).toEqual({ ...defaultPolicy, platformFallback: false, etag: '2' });
  });

  it('counts at the next request, for its own tenant alone', async () => {
    const made = await world();
    expect((await made.policyReader.policyOf('acme')).platformFallback).toBe(true);
    await put(made, { platformFallback: false });
    expect((await made.policyReader.policyOf('acme')).platformFallback).toBe(false);
    expect((await made.policyReader.policyOf('other')).platformFallback).toBe(true);
  });

  it('a change that nobody announced counts within 10 seconds', async () => {
    const made = await world();
    await made.policyReader.policyOf('acme');
    await made.store.policies.create({ tenant: 'acme' }, { ...defaultPolicy, explicitKeys: false });
    made.advance(10_000);
    expect((await made.policyReader.policyOf('acme')).explicitKeys).toBe(false);
  });

  it('R0.3: a stale If-Match is refused, also for the first one', async () => {
    const made = await world();
    await expect(put(made, {}, ['1'])).rejects.toMatchObject({ code: 'precondition_failed' });
    const results = await Promise.allSettled([put(made, { explicitKeys: false }, ['0']), put(made, { platformFallback: false }, ['0'])]);
    expect(results.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    expect((await get(made)).etag).toBe('1');
  });

  it('without If-Match a later write replaces an earlier one', async () => {
    const made = await world();
    await Promise.all([put(made, { explicitKeys: false }), put(made, { explicitKeys: false }), put(made, { explicitKeys: false })]);
    expect(await get(made)).toMatchObject({ explicitKeys: false, etag: '3' });
  });

  it.each<PolicyInput>([{ validateOnAdd: true }])(
    'answers %j with unsupported and changes nothing, since it would not be kept to',
    async (input) => {
      const made = await world();
      await expect(put(made, { platformFallback: false, ...input })).rejects.toMatchObject({ code: 'unsupported', message: expect.stringContaining('Nothing was changed') });
      expect(await get(made)).toEqual({ ...defaultPolicy, etag: '0' });
    },
  );

  it('takes the same properties with the values that are kept to', async () => {
    const made = await world();
    expect(await put(made, { validateOnAdd: false, adoptOutsideChanges: true, unpricedModels: 'allow', defaultProvider: null })).toEqual({ ...defaultPolicy, adoptOutsideChanges: true, etag: '1' });
  });

  it('says what becomes of models whose price is not known', async () => {
    const made = await world();
    expect(await put(made, { unpricedModels: 'refuse' })).toMatchObject({ unpricedModels: 'refuse' });
    const charged = await put(made, { unpricedModels: 'charge', unpricedPrice: { input: '5.00', output: '15', request: '0.010' } });
    expect(charged).toMatchObject({ unpricedModels: 'charge', unpricedPrice: { input: '5', output: '15', request: '0.01' } });
    expect(await get(made)).toEqual(charged);
    expect(await made.policyReader.policyOf('acme')).toMatchObject({ unpricedPrice: { input: 5_000_000, output: 15_000_000, request: 10_000_000 } });
    expect(await put(made, {})).not.toHaveProperty('unpricedPrice');
  });

  it.each<PolicyInput>([
    { defaultProvider: 'nosuch' },
    { defaultProvider: 'constructor' },
    { defaultProvider: 'stripe' },
    { defaultProvider: '' },
    { defaultModels: { nosuch: 'x' } },
    { defaultModels: { stripe: 'x' } },
    { defaultModels: { openai: '' } },
    { defaultModels: { openai: 'gpt 4' } },
    { defaultModels: { openai: 'x'.repeat(201) } },
    { unpricedModels: 'maybe' },
    { unpricedModels: 'charge' },
    { unpricedModels: 'charge', unpricedPrice: null },
    { unpricedModels: 'charge', unpricedPrice: { input: '0', output: '0.0' } },
    { unpricedModels: 'charge', unpricedPrice: { input: '-1', output: '1' } },
    { unpricedModels: 'charge', unpricedPrice: { input: '1', output: '1.0000001' } },
    { unpricedModels: 'charge', unpricedPrice: { input: '1', output: '2', request: 'free' } },
    { unpricedModels: 'refuse', unpricedPrice: { input: '1', output: '2' } },
  ])('refuses %j', async (input) => {
    const made = await world();
    await expect(put(made, input)).rejects.toMatchObject({ code: 'invalid_argument' });
    expect((await get(made)).etag).toBe('0');
  });
});
