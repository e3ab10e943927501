import { describe, expect, it } from 'vitest';
import { createMemoryStore } from '../../adapters/metadata-store/memory/memory-store.ts';
import { createAccessWorld, platformAdmin, tenantActor } from '../../../test/support/access-world.ts';
import { TEST_ISSUER as name, testIssuer } from '../../../test/support/test-issuer.ts';
import type { IssuedToken } from '../../ports/issued-tokens.ts';
import { platformScope, tenantScope } from '../../ports/scope.ts';
import type { Issuer } from './issuer.ts';
import { Issuers } from './issuers.ts';
import { Principals } from './principals.ts';
import { type SessionsDependencies, Sessions } from './sessions.ts';
import { tokenDigest, tokenDigestBytes } from './token-text.ts';
import { userIdOf } from './user-id.ts';
import { UserTokens } from './user-tokens.ts';
import { Users } from './users.ts';

const HOUR = 3_600_000;
const zoe = userIdOf(name, 'zoe');

/** A replica with caches of its own, on the store and the bus of the first. */
function setUp() {
  const made = createAccessWorld();
  const { store, clock, customRoles } = made;
  const replica = (change: Partial<SessionsDependencies> = {}, issuers: readonly Issuer[] = [testIssuer()]) => {
    const principals = new Principals({ ...made, ...store, customRoles, bootstrap: null });
    const userTokens = new UserTokens({ ...made, issuers: new Issuers(issuers), issued: { check: async (): Promise<IssuedToken | undefined> => undefined }, users: new Users({ ...made, ...store }) });
    const holders = { ofToken: (id: string, digest: string) => principals.ofToken(id, digest), ofUser: userTokens.ofSession.bind(userTokens) };
    const sessions = new Sessions({ ...made, sessions: store.sessions, users: store.users, holders, lifetimeMs: 12 * HOUR, idleMs: HOUR, ...change });
    return { sessions, who: async (text: string) => sessions.authenticate(text, tokenDigestBytes(text)) };
  };
  const token = async (role = 'tenant-admin') => {
    const { token: { id }, text } = await made.perform(tenantActor('tenant-admin'), 'token.create', { scope: tenantScope('acme') }, (grant) => made.tokenService.create(grant, { name: 'a', role }, undefined));
    return { kind: 'token' as const, id, digest: tokenDigest(text!.reveal()) };
  };
  const invite = () => made.perform(tenantActor('tenant-admin'), 'user.invite', { scope: tenantScope('acme') }, (grant) => made.memberService.invite(grant, { issuer: name, subject: 'zoe', name: 'Zoë', role: 'tenant-member' }));
  const begin = async (sessions: Sessions, holder: Parameters<Sessions['begin']>[0]['holder'], more: Partial<Parameters<Sessions['begin']>[0]> = {}) => {
    const { text, ...session } = await sessions.begin({ holder, authenticatedAt: clock.now(), ...more });
    return { ...session, text: text.reveal() };
  };
  return { ...made, replica, token, invite, begin };
}

describe('sessions (S24)', () => {
  it('are their holder as it is now, without a promise while all is known, and say when it signed in', async () => {
    const made = setUp();
    const { replica, token, begin, clock } = made;
    await made.addTenant('acme');
    const { sessions, who } = replica();
    const holder = await token();
    const { id, text, expiresAt } = await begin(sessions, holder);
    expect(text).toMatch(/^kh_s_[0-9a-z]{16}_[0-9A-Za-z]{49}$/);
    const signedInAt = clock.now();
    made.advance(5);
    expect(await who(text)).toEqual({ kind: 'token', id: holder.id, role: 'tenant-admin', scope: tenantScope('acme'), authenticatedAt: signedInAt, session: { id, expiresAt, idleUntil: clock.now() + HOUR } });
    expect(sessions.authenticate(text, tokenDigestBytes(text))).not.toBeInstanceOf(Promise);
  });

  it('cannot be used by who has the database: neither the text nor what is kept of it signs in, and no other text with its id', async () => {
    const made = setUp();
    const { replica, token, begin, store } = made;
    await made.addTenant('acme');
    const { sessions, who } = replica();
    const { id, text } = await begin(sessions, await token());
    const { record } = (await store.sessions.get({ id }))!;
    expect(JSON.stringify(record)).not.toContain(text.slice(-49, -6));
    expect(await who(record.digest)).toBeUndefined();
    expect(await who(text.replace('kh_s_', 'kh_t_'))).toBeUndefined();
    const other = await begin(sessions, await token());
    expect(await sessions.authenticate(text, tokenDigestBytes(other.text))).toBeUndefined();
    expect(await sessions.authenticate(text, Buffer.from(record.digest.slice(0, 64), 'hex'))).toBeDefined();
    expect(await who('kh_s_0000000000000000_' + text.slice(-49))).toBeUndefined();
  });

  it('get a new id at every sign-in, and the one before is over; who knows its id alone ends nothing (fixation)', async () => {
    const made = setUp();
    const { replica, token, begin } = made;
    await made.addTenant('acme');
    const { sessions, who } = replica();
    const holder = await token();
    const first = await begin(sessions, holder);
    const foreign = await begin(sessions, holder, { previous: first.text.slice(0, 22) + (await begin(sessions, holder)).text.slice(22) });
    expect(await who(first.text)).toBeDefined();
    const second = await begin(sessions, holder, { previous: first.text });
    expect(new Set([first.id, second.id, foreign.id]).size).toBe(3);
    expect(await who(first.text)).toBeUndefined();
    expect(await who(second.text)).toBeDefined();
  });

  it('are over when their time is, and when nobody uses them; uses are written now and then, and count on every replica', async () => {
    const made = setUp();
    const { replica, token, begin, store } = made;
    await made.addTenant('acme');
    const [one, two] = [replica(), replica()];
    const { id, text, expiresAt } = await begin(one.sessions, await token());
    made.advance(HOUR / 20 - 1);
    await one.who(text);
    expect((await store.sessions.get({ id }))!.revision).toBe(1);
    for (let hours = 0; hours < 11; hours += 0.9) {
      made.advance(0.9 * HOUR);
      expect(await [one, two][Math.round(hours / 0.9) % 2]!.who(text)).toBeDefined();
    }
    made.advance(HOUR);
    expect(await one.who(text)).toBeUndefined();
    const idle = await begin(one.sessions, await token());
    made.advance(HOUR - 1);
    expect(await two.who(idle.text)).toMatchObject({ session: { id: idle.id } });
    made.advance(HOUR);
    expect(await two.who(idle.text)).toBeUndefined();
    expect(expiresAt).toBeLessThan(idle.expiresAt);
  });

  it('end with their token on every replica at once: revoked, expired, or another one under the same id (S28)', async () => {
    const made = setUp();
    await made.addTenant('acme');
    const [one, two] = [made.replica(), made.replica()];
    const holder = await made.token();
    const { text } = await made.begin(one.sessions, holder);
    const changed = await made.begin(one.sessions, { ...holder, digest: 'ab'.repeat(32) });
    expect(await two.who(text)).toBeDefined();
    expect(await two.who(changed.text)).toBeUndefined();
    await made.perform(tenantActor('tenant-admin'), 'token.revoke', { scope: tenantScope('acme'), id: holder.id }, (grant) => made.tokenService.revoke(grant));
    expect(await one.who(text)).toBeUndefined();
    expect(await two.who(text)).toBeUndefined();
  });

  it('end with their user on every replica at once: disabled, signed out everywhere, or of a provider that is configured no more', async () => {
    const made = setUp();
    await made.addTenant('acme');
    await made.invite();
    const [one, two] = [made.replica(), made.replica()];
    const holder = { kind: 'user', id: zoe } as const;
    const first = await made.begin(one.sessions, holder);
    expect(await two.who(first.text)).toMatchObject({ kind: 'user', id: zoe, role: 'tenant-member', scope: tenantScope('acme') });
    expect(await made.replica({}, []).who(first.text)).toBeUndefined();
    expect((await made.store.users.get({ id: zoe }))!.record.lastSignInAt).toBe(made.clock.now());
    await two.sessions.endAllOf(holder);
    expect(await one.who(first.text)).toBeUndefined();
    // In the same millisecond, and by a clock that is behind.
    const second = await made.begin(one.sessions, holder);
    made.advance(1);
    expect(await two.who(second.text)).toBeDefined();
    await made.perform(platformAdmin, 'user.update', { scope: platformScope, id: zoe }, (grant) => made.userService.update(grant, { disabled: true }));
    for (const { who } of [one, two]) expect(await who(second.text)).toBeUndefined();
    await expect(one.sessions.begin({ holder: { kind: 'user', id: 'usr_nobody' }, authenticatedAt: 1 })).rejects.toMatchObject({ code: 'not_found' });
  });

  it('are all ended everywhere, also those that another replica, whose clock is ahead, has begun', async () => {
    const made = setUp();
    await made.addTenant('acme');
    await made.invite();
    const ahead = made.replica({ clock: { now: () => made.clock.now() + 60_000, monotonic: made.clock.monotonic } });
    const here = made.replica();
    const holder = { kind: 'user', id: zoe } as const;
    const theirs = await made.begin(ahead.sessions, holder);
    const token = await made.token();
    const [mine, others] = [await made.begin(here.sessions, token), await made.begin(here.sessions, await made.token())];
    await here.sessions.endAllOf(holder);
    for (const { who } of [ahead, here]) expect(await who(theirs.text)).toBeUndefined();
    await here.sessions.endAllOf(token);
    expect(await here.who(mine.text)).toBeUndefined();
    expect(await here.who(others.text)).toBeDefined();
  });

  it('stay over when their user, who was disabled, is enabled again', async () => {
    const made = setUp();
    await made.addTenant('acme');
    await made.invite();
    const ahead = made.replica({ clock: { now: () => made.clock.now() + 60_000, monotonic: made.clock.monotonic } });
    const holder = { kind: 'user', id: zoe } as const;
    const sessions = [await made.begin(made.replica().sessions, holder), await made.begin(ahead.sessions, holder)];
    const change = (disabled: boolean) => made.perform(platformAdmin, 'user.update', { scope: platformScope, id: zoe }, (grant) => made.userService.update(grant, { disabled }));
    await change(true);
    await change(false);
    for (const { text } of sessions) expect(await ahead.who(text)).toBeUndefined();
    expect(await ahead.who((await made.begin(made.replica().sessions, holder)).text)).toBeDefined();
    await change(false);
    expect(await ahead.who((await made.begin(ahead.sessions, holder)).text)).toBeDefined();
  });

  it('are ended everywhere, also one that is just being written, by a clock that is ahead', async () => {
    const made = setUp();
    await made.addTenant('acme');
    await made.invite();
    const holder = { kind: 'user', id: zoe } as const;
    const here = made.replica();
    const { sessions } = made.store;
    const meanwhile: typeof sessions = Object.create(sessions, { create: { value: async (...args: Parameters<typeof sessions.create>) => {
      await here.sessions.endAllOf(holder);
      return sessions.create(...args);
    } } });
    const ahead = made.replica({ sessions: meanwhile, clock: { now: () => made.clock.now() + 60_000, monotonic: made.clock.monotonic } });
    for (let round = 0; round < 2; round += 1) expect(await here.who((await made.begin(ahead.sessions, holder)).text)).toBeUndefined();
    expect(await here.who((await made.begin(here.sessions, holder)).text)).toBeDefined();
  });

  it('end when the identity provider says so of its own session, and of no other provider\'s', async () => {
    const made = setUp();
    await made.addTenant('acme');
    await made.invite();
    const { sessions, who } = made.replica();
    const holder = { kind: 'user', id: zoe } as const;
    const [meant, other] = [await made.begin(sessions, holder, { provider: { issuer: name, sid: '1' } }), await made.begin(sessions, holder, { provider: { issuer: name, sid: '2' } })];
    await sessions.endOf({ issuer: 'https://other.example.com', sid: '1' });
    expect(await who(meant.text)).toBeDefined();
    await sessions.endOf({ issuer: name, sid: '1' });
    expect(await who(meant.text)).toBeUndefined();
    expect(await who(other.text)).toBeDefined();
  });

  it('stay ended whichever use was under way: a use that is written late does not bring one back', async () => {
    const made = setUp();
    await made.addTenant('acme');
    const [one, two] = [made.replica(), made.replica()];
    for (let round = 0; round < 20; round += 1) {
      const { id, text } = await made.begin(one.sessions, await made.token());
      await two.who(text);
      made.advance(HOUR / 10);
      const uses = [one.who(text), two.who(text), one.sessions.end(id), two.who(text), one.who(text), two.sessions.end(id)];
      await Promise.all(uses);
      for (const { who } of [one, two]) expect(await who(text)).toBeUndefined();
      expect((await made.store.sessions.get({ id }))!.record.endedAt).not.toBeNull();
    }
  });

  it('are removed an hour after their time, by two replicas at once, too; ending one that is gone is nothing', async () => {
    const made = setUp();
    await made.addTenant('acme');
    const [one, two] = [made.replica(), made.replica()];
    const holder = await made.token();
    const old = await made.begin(one.sessions, holder);
    made.advance(HOUR);
    const young = await made.begin(one.sessions, holder);
    made.advance(12 * HOUR);
    await Promise.all([one.sessions.removeExpired(() => true), two.sessions.removeExpired(() => true)]);
    expect(await made.store.sessions.get({ id: old.id })).toBeUndefined();
    expect(await made.store.sessions.get({ id: young.id })).toBeDefined();
    await one.sessions.end(old.id);
    expect(await one.who(old.text)).toBeUndefined();
    made.advance(HOUR);
    expect(await one.sessions.removeExpired(() => false)).toBe(0);
    expect(await one.sessions.removeExpired(() => true)).toBe(1);
  });

  it('look like an outage, never like a sign-out, while the database is away', async () => {
    const store = createMemoryStore();
    const made = createAccessWorld(store);
    await made.addTenant('acme');
    const { text } = await made.sessions.begin({ holder: { kind: 'token', id: 'x', digest: 'ab' }, authenticatedAt: 1 });
    store.sessions.get = async () => {
      throw new Error('away');
    };
    await expect(made.sessions.authenticate(text.reveal(), tokenDigestBytes(text.reveal()))).rejects.toThrow('away');
  });
});
