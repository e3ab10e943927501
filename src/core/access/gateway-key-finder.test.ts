import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type AccessWorld, createAccessWorld, platformAdmin, tenantActor } from '../../../test/support/access-world.ts';
import { platformScope, tenantScope } from '../../ports/scope.ts';
import { mintToken } from './token-text.ts';

const acme = { scope: tenantScope('acme') };
const admin = tenantActor('tenant-admin');

async function world() {
  const made = createAccessWorld();
  await made.addTenant('acme');
  await made.addTenant('other');
  const { gatewayKey, text } = await made.perform(admin, 'gateway-key.create', acme, (grant) => made.gatewayKeyService.create(grant, { name: 'app' }));
  return { made, id: gatewayKey.id, text: text?.reveal() ?? '' };
}

const find = (made: AccessWorld, text: string) => made.perform(platformAdmin, 'gateway-key.find', { scope: platformScope }, (grant) => made.gatewayKeyFinder.anywhere(grant, text));
const disable = (made: AccessWorld, id: string) => made.perform(platformAdmin, 'gateway-key.disable', { ...acme, id }, (grant) => made.gatewayKeyService.disable(grant));

describe('a leaked gateway key (S22, S25)', () => {
  it('is found by its text, or by its beginning, by the platform without knowing the tenant', async () => {
    const { made, id, text } = await world();
    expect(await find(made, text)).toEqual({ tenant: 'acme', id, state: 'active', works: true });
    expect(await find(made, `kh_g_${id}`)).toEqual({ tenant: 'acme', id, state: 'active', works: null });
    expect(made.rows.filter((row) => row.includes('gateway-key.find'))).toHaveLength(2);
    expect(made.rows.join()).not.toContain(text.slice(22));
  });

  it('another text with its id is told apart, and so is one that was rotated away, one that ended, and one with a wrong checksum', async () => {
    const { made, id, text } = await world();
    expect(await find(made, mintToken('g', randomBytes, id).text.reveal())).toMatchObject({ id, works: false });
    await made.perform(admin, 'gateway-key.rotate', { ...acme, id }, (grant) => made.gatewayKeyService.rotate(grant, { overlapSeconds: 60 }));
    expect((await find(made, text)).works).toBe(true);
    made.advance(60_000);
    expect((await find(made, text)).works).toBe(false);
    await expect(find(made, `${text.slice(0, -1)}${text.endsWith('0') ? '1' : '0'}`)).rejects.toMatchObject({ code: 'invalid_argument' });
    await expect(find(made, mintToken('g', randomBytes).text.reveal())).rejects.toMatchObject({ code: 'not_found' });
    await expect(find(made, mintToken('t', randomBytes).text.reveal())).rejects.toMatchObject({ code: 'invalid_argument' });
  });

  it('can be taken out of use by the platform, at once, shown in the tenant\'s log, and taken back in by the tenant alone', async () => {
    const { made, id, text } = await world();
    expect((await disable(made, id)).disabled).toBe(true);
    expect(made.rows).toContain(`intent gateway-key.disable ${platformAdmin.id} tenant:acme/${id}`);
    expect(await made.principals.authenticate(text, ['g'])).toBeUndefined();
    expect(await find(made, text)).toMatchObject({ state: 'disabled', works: false });
    await expect(made.perform(platformAdmin, 'gateway-key.update', { ...acme, id }, (grant) => made.gatewayKeyService.update(grant, { disabled: false }))).rejects.toMatchObject({ code: 'permission_denied' });
    await made.perform(admin, 'gateway-key.update', { ...acme, id }, (grant) => made.gatewayKeyService.update(grant, { disabled: false }));
    expect(await find(made, text)).toMatchObject({ state: 'active', works: true });
  });

  it('is found in its own tenant by its beginning, and in no other; a whole key is refused, since addresses are logged', async () => {
    const { made, id, text } = await world();
    const inTenant = (tenant: string, prefix: string) => made.perform(tenantActor('tenant-auditor', tenant), 'gateway-key.read', { scope: tenantScope(tenant) }, (grant) => made.gatewayKeyFinder.inTenant(grant, prefix));
    expect(await inTenant('acme', `kh_g_${id}`)).toMatchObject({ id, name: 'app' });
    expect(await inTenant('other', `kh_g_${id}`)).toBeUndefined();
    expect(await inTenant('acme', 'kh_g_0000000000000000')).toBeUndefined();
    for (const prefix of [text, id, '', 'kh_t_0000000000000000']) await expect(inTenant('acme', prefix)).rejects.toMatchObject({ code: 'invalid_argument' });
  });

  it('owner, networks and limits are kept, shown, changed and cleared', async () => {
    const { made, id } = await world();
    const update = (change: Parameters<typeof made.gatewayKeyService.update>[1]) => made.perform(admin, 'gateway-key.update', { ...acme, id }, (grant) => made.gatewayKeyService.update(grant, change));
    expect(await update({ owner: 'usr_0123456789abcdef', networks: ['192.0.2.0/24'], limits: { requests: [{ max: 5, per: 'minute' }] } })).toMatchObject({
      owner: 'usr_0123456789abcdef', networks: ['192.0.2.0/24'], limits: { requests: [{ max: 5, per: 'minute' }], tokens: [], concurrent: null, services: {} },
    });
    expect(await update({ name: 'renamed' })).toMatchObject({ owner: 'usr_0123456789abcdef', networks: ['192.0.2.0/24'] });
    expect(await update({ owner: null, networks: null, limits: null })).toMatchObject({ owner: null, networks: null, limits: null });
    for (const change of [{ owner: '' }, { owner: 'a\nb' }, { networks: ['everywhere'] }, { limits: { concurrent: 0 } }]) await expect(update(change)).rejects.toMatchObject({ code: 'invalid_argument' });
  });
});
