import { describe, expect, it } from 'vitest';
import { createAccessWorld, platformAdmin, tenantActor } from '../../../test/support/access-world.ts';
import { TEST_ISSUER as name, testIssuer } from '../../../test/support/test-issuer.ts';
import { KeyholdError } from '../../ports/errors.ts';
import type { IssuedToken } from '../../ports/issued-tokens.ts';
import { platformScope, tenantScope } from '../../ports/scope.ts';
import { holdingsOf } from './actor.ts';
import type { Issuer } from './issuer.ts';
import { Issuers } from './issuers.ts';
import { Principals } from './principals.ts';
import { userIdOf } from './user-id.ts';
import { UserTokens } from './user-tokens.ts';

const zoe = userIdOf(name, 'zoe');
const admin = tenantActor('tenant-admin');

async function setUp(change: Partial<Issuer> = {}) {
  const made = createAccessWorld();
  for (const tenant of ['acme', 'other']) await made.addTenant(tenant);
  const { clock } = made;
  const tokens = new Map<string, IssuedToken>();
  const provider = { down: false, checks: 0 };
  const issued = {
    async check(text: string) {
      provider.checks += 1;
      if (provider.down) throw new KeyholdError('unavailable', 'The provider is away.');
      return tokens.get(text);
    },
  };
  const userTokens = new UserTokens({ ...made, issuers: new Issuers([testIssuer(change)]), issued, users: made.userReader });
  const principals = new Principals({ ...made.store, customRoles: made.customRoles, userTokens, bus: made.bus, clock, metrics: made.metrics, bootstrap: null });
  const issue = (text: string, subject = 'zoe', seconds = 3_600, authenticatedAt?: number) => tokens.set(text, { issuer: name, subject, issuedAt: clock.now(), expiresAt: clock.now() + seconds * 1000, authenticatedAt });
  const invite = (role: string, tenant = 'acme') => made.perform(tenantActor('tenant-admin', tenant), 'user.invite', { scope: tenantScope(tenant) }, (grant) => made.memberService.invite(grant, { issuer: name, subject: 'zoe', name: 'Zoë', role }));
  const bind = (role: string) => made.perform(platformAdmin, 'user.invite', { scope: platformScope }, (grant) => made.userService.invite(grant, { issuer: name, subject: 'zoe', role }));
  const actorOf = async (text: string) => (await principals.authenticate(text, ['t']))?.actor;
  const held = async (text: string) => {
    const actor = await actorOf(text);
    return actor === undefined ? undefined : holdingsOf(actor).map(({ scope, role }) => `${scope.kind === 'tenant' ? scope.tenant : 'platform'} ${role}`);
  };
  return { ...made, provider, principals, issue, invite, bind, actorOf, held };
}

describe('users with a token of their identity provider (S22, S23)', () => {
  it('are who they are known as, with what they hold; whoever is not known is nobody', async () => {
    const { issue, invite, actorOf, principals } = await setUp();
    issue('right');
    issue('unknown', 'eve');
    expect(await actorOf('right')).toBeUndefined();
    await invite('tenant-member');
    expect(await actorOf('right')).toMatchObject({ kind: 'user', id: zoe, role: 'tenant-member', scope: tenantScope('acme') });
    expect(await actorOf('unknown')).toBeUndefined();
    expect(await actorOf('wrong')).toBeUndefined();
    expect(await principals.authenticate('right', ['g'])).toBeUndefined();
  });

  it('are checked once a minute, also while the provider is away, and are nobody when the token has expired', async () => {
    const made = await setUp();
    const { issue, invite, actorOf, provider, principals } = made;
    await invite('tenant-member');
    issue('right', 'zoe', 100);
    await actorOf('right');
    expect(principals.authenticate('right', ['t'])).not.toBeInstanceOf(Promise);
    provider.down = true;
    made.advance(59_999);
    expect(await actorOf('right')).toBeDefined();
    expect(provider.checks).toBe(1);
    made.advance(1);
    await expect(actorOf('right')).rejects.toMatchObject({ code: 'unavailable' });
    provider.down = false;
    const actor = await actorOf('right');
    expect(actor).toBeDefined();
    expect(await principals.mayGoOn(actor!)).toBe(true);
    made.advance(40_000);
    expect(await actorOf('right')).toBeUndefined();
    expect(await principals.mayGoOn(actor!)).toBe(false);
  });

  it('count with what they hold now: a role that is taken, a user who is disabled or signed out everywhere (S10)', async () => {
    const made = await setUp();
    const { issue, invite, actorOf, held, perform, principals } = made;
    await invite('tenant-member');
    issue('right');
    const actor = (await actorOf('right'))!;
    await perform(admin, 'user.update', { scope: tenantScope('acme'), id: zoe }, (grant) => made.memberService.update(grant, { role: 'tenant-auditor' }));
    expect(await held('right')).toEqual(['acme tenant-auditor']);
    expect(await principals.mayGoOn(actor)).toBe(false);
    await perform(admin, 'user.remove', { scope: tenantScope('acme'), id: zoe }, (grant) => made.memberService.remove(grant));
    expect(await held('right')).toEqual([]);
    made.advance(1_000);
    const stored = (await made.store.users.get({ id: zoe }))!;
    await made.store.users.replace({ id: zoe }, { ...stored.record, signedOutBefore: made.clock.now() }, stored.revision);
    await made.bus.publish({ topic: 'user', id: zoe, version: stored.revision + 1 });
    expect(await actorOf('right')).toBeUndefined();
    issue('later');
    expect(await actorOf('later')).toBeDefined();
    await perform(platformAdmin, 'user.update', { scope: platformScope, id: zoe }, (grant) => made.userService.update(grant, { disabled: true }));
    expect(await actorOf('later')).toBeUndefined();
  });

  it('are asked for a fresh sign-in where their token says when that was, and a token that was refreshed is none; one that does not say is like an API token', async () => {
    const made = await setUp();
    const { issue, invite, actorOf, perform, clock } = made;
    await invite('tenant-admin');
    const remove = async (text: string) => {
      const actor = (await actorOf(text))!;
      return perform(actor, 'role.delete', { scope: tenantScope('acme'), id: 'x' }, async () => 'done').catch((error: unknown) => (error as KeyholdError).details);
    };
    const signedInAt = clock.now();
    issue('signed in', 'zoe', 3_600, signedInAt);
    issue('machine');
    expect(await remove('signed in')).toBe('done');
    made.advance(10 * 60_000 + 1);
    issue('refreshed', 'zoe', 3_600, signedInAt);
    issue('signed in again', 'zoe', 3_600, clock.now());
    expect(await remove('refreshed')).toEqual({ freshSignIn: true });
    expect(await remove('signed in')).toEqual({ freshSignIn: true });
    expect(await remove('machine')).toBe('done');
    expect(await remove('signed in again')).toBe('done');
  });

  it('count as having signed in from their first token on, which is written once a day, and not while the database is away', async () => {
    const made = await setUp();
    const { issue, invite, actorOf, store, clock } = made;
    await invite('tenant-member');
    const noted = async () => (await store.users.get({ id: zoe }))!.record.lastSignInAt;
    expect(await noted()).toBeNull();
    const first = clock.now();
    for (const text of ['one', 'two']) {
      issue(text);
      await actorOf(text);
      expect(await noted()).toBe(first);
      made.advance(1_000);
    }
    made.advance(86_400_000);
    store.users.replace = async () => {
      throw new KeyholdError('unavailable', 'away');
    };
    issue('three');
    expect(await actorOf('three')).toBeDefined();
    expect(await noted()).toBe(first);
  });

  it('hold no more than their issuer may give: its tenants, its highest role, and the platform\'s only where the operator says so', async () => {
    const all = async (change: Partial<Issuer>) => {
      const { issue, invite, bind, held } = await setUp(change);
      await bind('platform-auditor');
      await invite('tenant-admin');
      await invite('tenant-auditor', 'other');
      issue('right');
      return held('right');
    };
    expect(await all({})).toEqual(['platform platform-auditor', 'acme tenant-admin', 'other tenant-auditor']);
    expect(await all({ platformRoles: false })).toEqual(['acme tenant-admin', 'other tenant-auditor']);
    expect(await all({ platformRoles: false, tenants: new Set(['other']) })).toEqual(['other tenant-auditor']);
    expect(await all({ platformRoles: false, highestRole: 'tenant-auditor' })).toEqual(['other tenant-auditor']);
    expect(await all({ platformRoles: false, tenants: new Set() })).toEqual([]);
  });

  it('are let in uninvited only where their issuer says what they get: once, written down as invited, and so many a minute', async () => {
    const made = await setUp({ firstSignIn: { tenant: 'acme', role: 'tenant-member' } });
    const { issue, held, rows } = made;
    issue('first');
    expect(await held('first')).toEqual(['acme tenant-member']);
    expect(rows).toEqual(expect.arrayContaining(['intent user.invite first-sign-in tenant:acme']));
    expect((await made.store.users.get({ id: zoe }))?.record).toMatchObject({ createdBy: 'first-sign-in' });
    await made.perform(admin, 'user.remove', { scope: tenantScope('acme'), id: zoe }, (grant) => made.memberService.remove(grant));
    issue('again');
    expect(await held('again')).toEqual([]);

    for (let count = 0; count < 35; count += 1) issue(`many ${count}`, `many-${count}`);
    const came = await Promise.all(Array.from({ length: 35 }, async (_, count) => (await held(`many ${count}`)) !== undefined));
    expect(came.filter(Boolean)).toHaveLength(29);
    made.advance(60_000);
    expect(await held('many 34')).toEqual(['acme tenant-member']);
  });

  it('are not let in uninvited with a role that is not theirs to have, or into a tenant that is gone', async () => {
    for (const firstSignIn of [{ tenant: 'acme', role: 'tenant-admin' }, { tenant: 'acme', role: 'nobody-made-this' }, { tenant: 'gone', role: 'tenant-member' }]) {
      const { issue, held, store } = await setUp({ firstSignIn });
      issue('first');
      expect(await held('first')).toBeUndefined();
      expect(await store.users.get({ id: zoe })).toBeUndefined();
    }
  });
});
