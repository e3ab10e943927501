import { describe, expect, it } from 'vitest';
import { type AccessWorld, createAccessWorld, platformAdmin, tenantActor } from '../../../test/support/access-world.ts';
import { TEST_ISSUER as issuer, testIssuer } from '../../../test/support/test-issuer.ts';
import { platformScope, tenantScope } from '../../ports/scope.ts';
import type { Actor } from './actor.ts';
import { Issuers } from './issuers.ts';
import { type MemberChange, MemberService } from './member-service.ts';
import { userIdOf } from './user-id.ts';
import { type UserChange, UserService } from './user-service.ts';

const acme = tenantScope('acme');
const admin = tenantActor('tenant-admin');
const zoe = userIdOf(issuer, 'zoe');

async function world() {
  const made = createAccessWorld();
  for (const tenant of ['acme', 'other']) await made.addTenant(tenant);
  return made;
}

function invite(made: AccessWorld, actor: Actor, role: string, subject = 'zoe', tenant = 'acme') {
  return made.perform(actor, 'user.invite', { scope: tenantScope(tenant) }, (grant) => made.memberService.invite(grant, { issuer, subject, name: 'Zoë', role }));
}

function change(made: AccessWorld, what: MemberChange, actor = admin) {
  return made.perform(actor, 'user.update', { scope: acme, id: zoe }, (grant) => made.memberService.update(grant, what));
}

function bind(made: AccessWorld, role: string, subject = 'zoe', actor = platformAdmin) {
  return made.perform(actor, 'user.invite', { scope: platformScope }, (grant) => made.userService.invite(grant, { issuer, subject, role }));
}

function update(made: AccessWorld, id: string, what: UserChange, actor = platformAdmin) {
  return made.perform(actor, 'user.update', { scope: platformScope, id }, (grant) => made.userService.update(grant, what));
}

async function signedIn(made: AccessWorld, id: string): Promise<void> {
  const stored = await made.store.users.get({ id });
  if (stored === undefined) throw new Error('There is no such user.');
  await made.store.users.replace({ id }, { ...stored.record, lastSignInAt: made.clock.now() }, stored.revision);
  await made.bus.publish({ topic: 'user', id, version: stored.revision + 1 });
}

/** What a user holds, as `tenant role`. */
async function held(made: AccessWorld, id = zoe): Promise<readonly string[] | undefined> {
  const actor = await made.userReader.actorOf(id);
  const holdings = actor === undefined ? undefined : (actor.holdings ?? [actor]);
  return holdings?.map(({ scope, role }) => `${scope.kind === 'tenant' ? scope.tenant : 'platform'} ${role}`);
}

describe('users of tenants and the platform (R0.2, S23)', () => {
  it('hold different roles in several places; every change counts at once and is written down', async () => {
    const made = await world();
    expect(await invite(made, admin, 'tenant-member')).toMatchObject({ id: zoe, issuer, subject: 'zoe', name: 'Zoë', role: 'tenant-member', disabled: false });
    await invite(made, tenantActor('tenant-admin', 'other'), 'tenant-auditor', 'zoe', 'other');
    await bind(made, 'platform-operator');
    expect(await held(made)).toEqual(['platform platform-operator', 'acme tenant-member', 'other tenant-auditor']);
    await change(made, { role: 'tenant-auditor' });
    expect(await held(made)).toContain('acme tenant-auditor');
    await change(made, { disabled: true });
    await update(made, zoe, { role: null });
    expect(await held(made)).toEqual(['other tenant-auditor']);
    expect(await made.userReader.actorOf(zoe)).toEqual({ kind: 'user', id: zoe, role: 'tenant-auditor', scope: tenantScope('other') });
    await change(made, { disabled: false });
    await made.perform(admin, 'user.remove', { scope: acme, id: zoe }, (grant) => made.memberService.remove(grant));
    expect(await held(made)).toEqual(['other tenant-auditor']);
    await expect(change(made, { role: 'tenant-admin' })).rejects.toMatchObject({ code: 'not_found' });
    await update(made, zoe, { disabled: true });
    expect(await held(made)).toBeUndefined();
    await update(made, zoe, { disabled: false });
    expect(await held(made)).toEqual(['other tenant-auditor']);
    expect(made.rows).toEqual(expect.arrayContaining([`intent user.remove ${admin.id} tenant:acme/${zoe}`, `intent user.update ${platformAdmin.id} platform/${zoe}`]));
  });

  it('S23: are who the issuer and the subject say, whoever invites them, and nobody else', async () => {
    const made = await world();
    await invite(made, admin, 'tenant-member');
    await expect(invite(made, admin, 'tenant-member')).rejects.toMatchObject({ code: 'already_exists' });
    expect(new Set([zoe, userIdOf(issuer, 'Zoe'), userIdOf(`${issuer}/`, 'zoe'), userIdOf(`${issuer}z`, 'oe')]).size).toBe(4);
    const refused = (what: object) => made.perform(admin, 'user.invite', { scope: acme }, (grant) => made.memberService.invite(grant, { issuer, subject: 'x', name: 'X', role: 'tenant-member', ...what }));
    for (const what of [{ issuer: 'login.example.com' }, { issuer: 'https://a b' }, { subject: '' }, { subject: 'a\n' }, { name: '' }, { role: 'platform-admin' }, { role: 'nobody' }]) await expect(refused(what)).rejects.toMatchObject({ code: 'invalid_argument' });
  });

  it('S34: are no more than 10,000 in a tenant', async () => {
    const made = await world();
    await invite(made, admin, 'tenant-member');
    const { record } = (await made.store.memberships.get({ tenant: 'acme', user: zoe }))!;
    for (let count = 1; count < 10_000; count += 1) await made.store.memberships.create({ tenant: 'acme', user: `u${count}` }, { ...record, user: `u${count}` });
    await expect(invite(made, admin, 'tenant-member', 'one-more')).rejects.toMatchObject({ code: 'conflict', message: expect.stringContaining('10000 users') });
  });

  it('S23: are invited where their identity provider may be used, and what has to change is said', async () => {
    const made = await world();
    const bounded = new Issuers([testIssuer({ tenants: new Set(['acme']), highestRole: 'tenant-member', platformRoles: false })]);
    const members = new MemberService({ ...made, issuers: bounded });
    const users = new UserService({ ...made, issuers: bounded });
    const asked = (role: string, tenant = 'acme', name = issuer) => made.perform(tenantActor('tenant-admin', tenant), 'user.invite', { scope: tenantScope(tenant) }, (grant) => members.invite(grant, { issuer: name, subject: 'zoe', name: 'Zoë', role }));
    await expect(asked('tenant-member', 'acme', `${issuer}/`)).rejects.toMatchObject({ code: 'invalid_argument', publicMessage: expect.stringContaining('KEYHOLD_OIDC_ISSUER'), details: { property: 'issuer' } });
    await expect(asked('tenant-member', 'other')).rejects.toMatchObject({ code: 'invalid_argument', publicMessage: expect.stringContaining('tenants'), details: { property: 'issuer' } });
    for (const role of ['tenant-admin', 'tenant-auditor']) await expect(asked(role)).rejects.toMatchObject({ code: 'invalid_argument', publicMessage: expect.stringContaining('highestRole'), details: { property: 'role' } });
    const onPlatform = made.perform(platformAdmin, 'user.invite', { scope: platformScope }, (grant) => users.invite(grant, { issuer, subject: 'zoe', role: 'platform-auditor' }));
    await expect(onPlatform).rejects.toMatchObject({ code: 'invalid_argument', publicMessage: expect.stringContaining('platformRoles') });
    await asked('tenant-member');
    const raised = made.perform(admin, 'user.update', { scope: acme, id: zoe }, (grant) => members.update(grant, { role: 'tenant-admin' }));
    await expect(raised).rejects.toMatchObject({ code: 'invalid_argument' });
    const given = made.perform(platformAdmin, 'user.update', { scope: platformScope, id: zoe }, (grant) => users.update(grant, { role: 'platform-auditor' }));
    await expect(given).rejects.toMatchObject({ code: 'invalid_argument' });
    expect(await held(made)).toEqual(['acme tenant-member']);
  });

  it('R10.2: a tenant learns nothing of what a user is elsewhere, or whether anybody knows them', async () => {
    const made = await world();
    await bind(made, 'platform-admin');
    const stored = await made.store.users.get({ id: zoe });
    if (stored !== undefined) await made.store.users.replace({ id: zoe }, { ...stored.record, name: 'Zoë of Other', email: 'zoe@other.example', disabled: true }, stored.revision);
    const known = await invite(made, admin, 'tenant-member');
    const unknown = await invite(made, admin, 'tenant-member', 'nobody');
    expect({ ...known, id: unknown.id, subject: unknown.subject }).toEqual(unknown);
  });

  it('S25: a platform-admin makes the first administrator of a tenant, a user or a token, and no second', async () => {
    const made = await world();
    for (const role of ['tenant-member', 'tenant-auditor']) await expect(invite(made, platformAdmin, role)).rejects.toMatchObject({ code: 'permission_denied' });
    expect(await invite(made, platformAdmin, 'tenant-admin')).toMatchObject({ role: 'tenant-admin' });
    await expect(invite(made, platformAdmin, 'tenant-admin', 'second')).rejects.toMatchObject({ code: 'permission_denied' });
    const token = () => made.perform(platformAdmin, 'token.create', { scope: acme }, (grant) => made.tokenService.create(grant, { name: 'x', role: 'tenant-admin' }));
    await expect(token()).rejects.toMatchObject({ code: 'permission_denied' });
    await change(made, { disabled: true });
    await token();
    await expect(invite(made, platformAdmin, 'tenant-admin', 'second')).rejects.toMatchObject({ code: 'permission_denied' });
    const both = await Promise.allSettled([0, 1].map((n) => invite(made, platformAdmin, 'tenant-admin', `racer-${n}`, 'other')));
    expect(both.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
  });

  it('nobody makes a user able to do what they do not hold', async () => {
    const made = await world();
    await made.perform(admin, 'role.create', { scope: acme }, (grant) => made.roleService.create(grant, { name: 'hr', permissions: ['user.invite', 'user.update', 'usage.read'] }));
    await invite(made, admin, 'hr', 'helper');
    const helper = await made.userReader.actorOf(userIdOf(issuer, 'helper'));
    if (helper === undefined) throw new Error('The helper is nobody.');
    expect((await invite(made, helper, 'hr')).role).toBe('hr');
    for (const role of ['tenant-admin', 'tenant-member']) await expect(change(made, { role }, helper)).rejects.toMatchObject({ code: 'permission_denied' });
    await change(made, { role: 'tenant-admin' });
    await change(made, { disabled: true }, helper);
    await expect(change(made, { disabled: false }, helper)).rejects.toMatchObject({ code: 'permission_denied' });
    await change(made, { name: 'Zoë' }, helper);
  });
});

describe('somebody stays platform-admin', () => {
  const revoke = (made: AccessWorld, id: string) => made.perform(platformAdmin, 'token.revoke', { scope: platformScope, id }, (grant) => made.tokenService.revoke(grant));
  const remove = (made: AccessWorld, id: string) => made.perform(platformAdmin, 'user.remove', { scope: platformScope, id }, (grant) => made.userService.remove(grant));
  const token = async (made: AccessWorld) => (await made.perform(platformAdmin, 'token.create', { scope: platformScope }, (grant) => made.tokenService.create(grant, { name: 'x', role: 'platform-admin' }))).token.id;
  const user = async (made: AccessWorld, subject: string) => {
    const { id } = await bind(made, 'platform-admin', subject);
    await signedIn(made, id);
    return id;
  };

  it('the last one, token or user, is not removed, disabled or given less; who never signed in does not count', async () => {
    const made = await world();
    const first = await token(made);
    await bind(made, 'platform-admin', 'never-here');
    await expect(revoke(made, first)).rejects.toMatchObject({ code: 'conflict' });
    const second = await user(made, 'zoe');
    await revoke(made, first);
    for (const attempt of [() => remove(made, second), () => update(made, second, { disabled: true }), () => update(made, second, { role: 'platform-auditor' }), () => update(made, second, { role: null })]) {
      await expect(attempt()).rejects.toMatchObject({ code: 'conflict' });
    }
    expect(await held(made)).toEqual(['platform platform-admin']);
    const third = await user(made, 'third');
    await update(made, second, { disabled: true });
    await expect(remove(made, third)).rejects.toMatchObject({ code: 'conflict' });
    await update(made, second, { disabled: false });
    await remove(made, third);
    expect(await made.administrators.isAdministered()).toBe(true);
  });

  it.each([
    ['two tokens', ['token', 'token']],
    ['a token and a user', ['token', 'user']],
    ['two users', ['user', 'user']],
    ['a user that is disabled and a token', ['disabled', 'token']],
    ['five at once', ['token', 'user', 'disabled', 'token', 'user']],
  ] as const)('also when all remove one another in the same moment: %s', async (_name, kinds) => {
    const made = await world();
    const ends = await Promise.all(kinds.map(async (kind, index) => {
      if (kind === 'token') {
        const id = await token(made);
        return () => revoke(made, id);
      }
      const id = await user(made, `racer-${index}`);
      return () => (kind === 'user' ? remove(made, id) : update(made, id, { disabled: true }));
    }));
    const results = await Promise.allSettled(ends.map((end) => end()));
    expect(results.filter(({ status }) => status === 'rejected').length).toBeGreaterThanOrEqual(1);
    expect(await made.administrators.isAdministered()).toBe(true);
  });
});
