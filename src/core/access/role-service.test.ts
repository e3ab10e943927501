import { describe, expect, it } from 'vitest';
import { type AccessWorld, createAccessWorld, platformAdmin, tenantActor } from '../../../test/support/access-world.ts';
import { platformScope, type Scope, tenantScope } from '../../ports/scope.ts';
import type { Actor } from './actor.ts';
import type { GatewayKeyChange } from './gateway-key-service.ts';
import { grantablePermissions } from './permissions.ts';

const acme = tenantScope('acme');
const admin = tenantActor('tenant-admin');

async function world() {
  const made = createAccessWorld();
  await made.addTenant('acme');
  await made.addTenant('other');
  return made;
}

function create(made: AccessWorld, actor: Actor, name: string, permissions: readonly string[], scope: Scope = acme) {
  return made.perform(actor, 'role.create', { scope }, (grant) => made.roleService.create(grant, { name, permissions }));
}

function replace(made: AccessWorld, actor: Actor, id: string, permissions: readonly string[], scope: Scope = acme) {
  return made.perform(actor, 'role.update', { scope, id }, (grant) => made.roleService.replace(grant, { permissions }));
}

function remove(made: AccessWorld, id: string) {
  return made.perform(admin, 'role.delete', { scope: acme, id }, (grant) => made.roleService.delete(grant));
}

/** A token with a role, and who it is now. */
async function holder(made: AccessWorld, role: string, maker: Actor = admin, scope: Scope = acme) {
  const { text, token } = await made.perform(maker, 'token.create', { scope }, (grant) => made.tokenService.create(grant, { name: 'x', role }));
  const actor = async (): Promise<Actor> => {
    const principal = await made.principals.authenticate(text?.reveal() ?? '', ['t']);
    if (principal === undefined) throw new Error('The token does not sign in.');
    return principal.actor;
  };
  return { actor, id: token.id };
}

async function may(made: AccessWorld, actor: Actor, action: 'policy.put' | 'policy.read', scope: Scope = acme): Promise<string> {
  return made.perform(actor, action, { scope }, async () => 'ok').catch((error: { code: string }) => error.code);
}

describe('roles that administrators make (R0.2, S25)', () => {
  it('permit what they name and nothing else, in their tenant alone, and changes count at once', async () => {
    const made = await world();
    expect(await create(made, admin, 'support', ['usage.read', 'policy.read', 'policy.read'])).toMatchObject({ name: 'support', permissions: ['policy.read', 'usage.read'], etag: '1' });
    const { actor, id } = await holder(made, 'support');
    expect(await actor()).toMatchObject({ kind: 'token', id, role: 'support', scope: acme });
    expect([await may(made, await actor(), 'policy.read'), await may(made, await actor(), 'policy.put'), await may(made, await actor(), 'policy.read', tenantScope('other'))]).toEqual(['ok', 'permission_denied', 'not_found']);
    await replace(made, admin, 'support', ['policy.put']);
    expect([await may(made, await actor(), 'policy.read'), await may(made, await actor(), 'policy.put')]).toEqual(['permission_denied', 'ok']);
    await remove(made, 'support');
    expect([await may(made, await actor(), 'policy.read'), await may(made, await actor(), 'policy.put')]).toEqual(['permission_denied', 'permission_denied']);
    await expect(create(made, admin, 'support', ['policy.put'])).rejects.toMatchObject({ code: 'conflict' });
    await expect(replace(made, admin, 'support', ['policy.put'])).rejects.toMatchObject({ code: 'not_found' });
    expect(made.rows).toContain('intent role.update tenantadmin0000 tenant:acme/support');
  });

  it('S10: a stream goes on only while the role permits the gateway', async () => {
    const made = await world();
    await create(made, admin, 'caller', ['gateway.use']);
    const { actor } = await holder(made, 'caller');
    const before = await actor();
    expect(await made.access.authorizeUse(before, 'req_1')).toMatchObject({ tenant: 'acme' });
    expect(await made.principals.mayGoOn(before)).toBe(true);
    for (const scope of [acme, platformScope]) expect(await made.perform(before, 'credential.fetch', { scope }, async () => 'ok')).toBe('ok');
    await replace(made, admin, 'caller', ['usage.read']);
    expect(await made.principals.mayGoOn(before)).toBe(false);
    await expect(async () => made.access.authorizeUse(await actor(), 'req_1')).rejects.toMatchObject({ code: 'permission_denied' });
  });

  it.each(['*', 'credential.*', 'nothing.at-all', 'constructor', 'credential.fetch', 'tenant.delete', 'credential.adopt', 'signed-in.read', 'job.read'])('in a tenant cannot permit %s', async (permission) => {
    const made = await world();
    await expect(create(made, admin, 'support', ['policy.read', permission])).rejects.toMatchObject({ code: 'invalid_argument', details: { property: 'permissions' } });
  });

  it('S25: of the platform cannot permit to say what the platform\'s roles permit, or what is a tenant\'s alone', async () => {
    const made = await world();
    for (const permission of ['role.create', 'role.update', 'role.delete', 'gateway-key.create', 'own-vault.put', 'policy.put', 'gateway.use', 'credential.reconcile']) {
      await expect(create(made, platformAdmin, 'support', [permission], platformScope)).rejects.toMatchObject({ code: 'invalid_argument' });
    }
    await create(made, platformAdmin, 'support', ['tenant.read', 'store.read'], platformScope);
    const { actor } = await holder(made, 'support', platformAdmin, platformScope);
    expect(await made.perform(await actor(), 'tenant.read', { scope: acme }, async () => 'ok')).toBe('ok');
    expect(await may(made, await actor(), 'policy.read')).toBe('permission_denied');
  });

  it.each(['Support', 's', 'a'.repeat(64), '-a', 'a_b', 'tenant-admin', 'tenant-anything', 'platform-root', 'secret-reader', 'gateway-key', 'system', 'none', ''])('cannot be called %j', async (name) => {
    const made = await world();
    await expect(create(made, admin, name, ['policy.read'])).rejects.toMatchObject({ code: 'invalid_argument', details: { property: 'name' } });
  });

  it('are not another tenant\'s or the platform\'s to give', async () => {
    const made = await world();
    await create(made, tenantActor('tenant-admin', 'other'), 'support', ['policy.read'], tenantScope('other'));
    await create(made, platformAdmin, 'helper', ['tenant.read'], platformScope);
    for (const role of ['support', 'helper']) await expect(holder(made, role)).rejects.toMatchObject({ code: 'invalid_argument' });
    await expect(replace(made, admin, 'support', [])).rejects.toMatchObject({ code: 'not_found' });
  });
});

describe('nobody grants what they do not hold (S25)', () => {
  async function limited() {
    const made = await world();
    await create(made, admin, 'registrar', ['token.create', 'role.create', 'role.update', 'usage.read']);
    await create(made, admin, 'reader', ['usage.read']);
    await create(made, admin, 'writer', ['policy.put']);
    const { actor } = await holder(made, 'registrar');
    return { made, registrar: await actor() };
  }

  it('whoever may make tokens gives roles whose permissions they have, and no others', async () => {
    const { made, registrar } = await limited();
    for (const role of ['reader', 'registrar']) expect((await holder(made, role, registrar)).id).toBeTruthy();
    for (const role of ['writer', 'tenant-admin', 'tenant-member', 'tenant-auditor']) await expect(holder(made, role, registrar)).rejects.toMatchObject({ code: 'permission_denied' });
  });

  it('whoever may make gateway keys, but not use the gateway, makes none, and opens none', async () => {
    const made = await world();
    const { gatewayKey } = await made.perform(admin, 'gateway-key.create', { scope: acme }, (grant) => made.gatewayKeyService.create(grant, { name: 'app' }));
    const key = { scope: acme, id: gatewayKey.id };
    const names = ['gateway-key.create', 'gateway-key.rotate', 'gateway-key.update'];
    await create(made, admin, 'key-clerk', names);
    const clerk = await holder(made, 'key-clerk');
    const actions = async () => {
      const actor = await clerk.actor();
      const update = (change: GatewayKeyChange) => made.perform(actor, 'gateway-key.update', key, (grant) => made.gatewayKeyService.update(grant, change));
      const asked = [
        made.perform(actor, 'gateway-key.create', { scope: acme }, (grant) => made.gatewayKeyService.create(grant, { name: 'mine' })),
        made.perform(actor, 'gateway-key.rotate', key, (grant) => made.gatewayKeyService.rotate(grant)),
        update({ services: ['stripe'] }),
        update({ disabled: true, tags: { team: 'a' } }),
        update({ disabled: false }),
      ];
      return Promise.all(asked.map((one) => one.then(() => 'ok', (error: { code: string }) => error.code)));
    };
    expect(await actions()).toEqual(['permission_denied', 'permission_denied', 'permission_denied', 'ok', 'permission_denied']);
    await replace(made, admin, 'key-clerk', [...names, 'gateway.use']);
    expect(new Set(await actions())).toEqual(new Set(['ok']));
    // S2: a route that makes keys is for a tenant-admin to open.
    const minting = { name: 'mine', routes: ['realtime/client_secrets'] };
    const actor = await clerk.actor();
    await expect(made.perform(actor, 'gateway-key.create', { scope: acme }, (grant) => made.gatewayKeyService.create(grant, minting))).rejects.toMatchObject({ code: 'permission_denied' });
    await expect(made.perform(actor, 'gateway-key.update', key, (grant) => made.gatewayKeyService.update(grant, minting))).rejects.toMatchObject({ code: 'permission_denied', message: expect.stringContaining('realtime/client_secrets') });
    expect((await made.perform(admin, 'gateway-key.update', key, (grant) => made.gatewayKeyService.update(grant, minting))).routes).toEqual(minting.routes);
    await expect(made.perform(actor, 'gateway-key.rotate', key, (grant) => made.gatewayKeyService.rotate(grant))).rejects.toMatchObject({ code: 'permission_denied' });
  });

  it('whoever may make roles puts in what they have, and gives an existing one nothing else', async () => {
    const { made, registrar } = await limited();
    await create(made, registrar, 'second', ['usage.read']);
    await expect(create(made, registrar, 'third', ['usage.read', 'policy.put'])).rejects.toMatchObject({ code: 'permission_denied' });
    for (const role of ['registrar', 'writer', 'second']) await expect(replace(made, registrar, role, ['policy.put'])).rejects.toMatchObject({ code: 'permission_denied' });
    await replace(made, registrar, 'writer', []);
  });

  it('whoever holds everything may give everything in their tenant; on the platform the first administrator stays the platform-admin\'s to make', async () => {
    const { made } = await limited();
    await create(made, admin, 'all', grantablePermissions(acme));
    const all = await (await holder(made, 'all')).actor();
    expect((await holder(made, 'tenant-admin', all)).id).toBeTruthy();
    await create(made, platformAdmin, 'all', grantablePermissions(platformScope), platformScope);
    const everywhere = await (await holder(made, 'all', platformAdmin, platformScope)).actor();
    await expect(holder(made, 'tenant-admin', everywhere, tenantScope('other'))).rejects.toMatchObject({ code: 'permission_denied' });
    await expect(holder(made, 'platform-admin', everywhere, platformScope)).rejects.toMatchObject({ code: 'permission_denied' });
    // An auditor reads of tenants what an administrator does not.
    await expect(holder(made, 'platform-auditor', everywhere, platformScope)).rejects.toMatchObject({ code: 'permission_denied' });
    expect((await holder(made, 'platform-operator', everywhere, platformScope)).id).toBeTruthy();
  });
});
