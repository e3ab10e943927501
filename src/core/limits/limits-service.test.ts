import { describe, expect, it } from 'vitest';
import { type AccessWorld, createAccessWorld, platformAdmin, tenantActor } from '../../../test/support/access-world.ts';
import type { LimitsLayer } from '../../ports/metadata/limits.ts';
import { tenantScope } from '../../ports/scope.ts';
import type { IfMatch } from '../versions/etag.ts';
import { type LimitsInput, noLimits } from './limits-request.ts';

const acme = { scope: tenantScope('acme') };

async function world() {
  const made = createAccessWorld();
  await made.addTenant('acme');
  return made;
}

const actorOf = (layer: LimitsLayer) => (layer === 'own' ? tenantActor('tenant-admin') : platformAdmin);
const get = (made: AccessWorld, layer: LimitsLayer = 'own') => made.perform(actorOf(layer), layer === 'own' ? 'limits.read' : 'platform-limits.read', acme, (grant) => made.limitsService.get(grant, layer));
const put = (made: AccessWorld, input: LimitsInput, layer: LimitsLayer = 'own', ifMatch?: IfMatch) => made.perform(actorOf(layer), layer === 'own' ? 'limits.put' : 'platform-limits.put', acme, (grant) => made.limitsService.put(grant, layer, input, ifMatch));

describe('what a tenant may use (R0.2, R5.4)', () => {
  it('is not limited until limits are put', async () => {
    expect(await get(await world())).toEqual({ limits: noLimits, etag: '0' });
  });

  it('has two layers, which know nothing of one another, and each change is announced', async () => {
    const made = await world();
    await put(made, {}, 'platform');
    await put(made, {}, 'platform');
    expect((await get(made, 'platform')).etag).toBe('2');
    expect((await get(made, 'own')).etag).toBe('0');
    expect(made.published.filter(({ topic }) => topic === 'limits')).toEqual([1, 2].map((version) => ({ topic: 'limits', tenant: 'acme', layer: 'platform', version })));
  });

  it('the tenant cannot change what the platform has set, nor the other way round', async () => {
    const made = await world();
    await expect(made.perform(tenantActor('tenant-admin'), 'platform-limits.put', acme, (grant) => made.limitsService.put(grant, 'platform', {}))).rejects.toMatchObject({ code: 'permission_denied' });
    await expect(made.perform(platformAdmin, 'limits.put', acme, (grant) => made.limitsService.put(grant, 'own', {}))).rejects.toMatchObject({ code: 'permission_denied' });
    await expect(made.perform(tenantActor('tenant-admin'), 'limits.put', acme, (grant) => made.limitsService.put(grant, 'platform', {}))).rejects.toMatchObject({ code: 'internal' });
  });

  it('R0.3: a stale If-Match is refused', async () => {
    const made = await world();
    await put(made, {}, 'own', ['0']);
    await expect(put(made, {}, 'own', ['0'])).rejects.toMatchObject({ code: 'precondition_failed' });
  });

  it('is replaced as a whole, and what is left out is not limited', async () => {
    const made = await world();
    const requests = [{ max: 60, per: 'minute' }, { max: 5, per: 'second' }] as const;
    await put(made, { requests, tokens: [{ max: 1_000_000_000_000, per: 'day' }], concurrent: 3, services: { openai: { concurrent: 1 } } });
    expect((await get(made)).limits).toEqual({ requests, tokens: [{ max: 1_000_000_000_000, per: 'day' }], concurrent: 3, services: { openai: { requests: [], tokens: [], concurrent: 1 } } });
    await put(made, { requests });
    expect((await get(made)).limits).toEqual({ ...noLimits, requests });
  });

  it.each<LimitsInput>([
    { requests: [{ max: 0, per: 'minute' }] },
    { requests: [{ max: 1.5, per: 'minute' }] },
    { tokens: [{ max: 1_000_000_000_001, per: 'minute' }] },
    { tokens: [{ max: 1, per: 'minute' }, { max: 2, per: 'minute' }] },
    { concurrent: 0 },
    { concurrent: 1_000_001 },
    { services: { nosuch: {} } },
    { services: { constructor: {} } },
    { services: { openai: { requests: [{ max: -1, per: 'hour' }] } } },
    { services: Object.fromEntries(Array.from({ length: 101 }, (_, index) => [`s${index}`, {}])) },
  ])('refuses %j and changes nothing', async (input) => {
    const made = await world();
    await expect(put(made, input)).rejects.toMatchObject({ code: 'invalid_argument' });
    expect((await get(made)).etag).toBe('0');
  });
});
