import { describe, expect, it } from 'vitest';
import { type AccessWorld, createAccessWorld, platformAdmin, tenantActor } from '../../../test/support/access-world.ts';
import { createMemoryStore } from '../../adapters/metadata-store/memory/memory-store.ts';
import { KeyholdError } from '../../ports/errors.ts';
import type { TokenRecord, TokenRepository } from '../../ports/metadata/access.ts';
import { platformScope, tenantScope } from '../../ports/scope.ts';
import type { Actor } from './actor.ts';
import type { NewToken } from './token-service.ts';

const acme = tenantScope('acme');
const admin = tenantActor('tenant-admin');
const member = tenantActor('tenant-member');
const DAY = 86_400_000;

async function world(store?: ReturnType<typeof createMemoryStore>) {
  const made = createAccessWorld(store);
  await made.addTenant('acme');
  await made.addTenant('other');
  return made;
}

function create(made: AccessWorld, actor: Actor, input: NewToken, scope: TokenRecord['scope'] = acme, key?: string) {
  const tenant = scope.kind === 'tenant' ? scope.tenant : null;
  const request = key === undefined ? undefined : made.idempotency.request({ actor, tenant, method: 'POST', path: '/tokens', key, body: JSON.stringify(input) });
  return made.perform(actor, 'token.create', { scope }, (grant) => made.tokenService.create(grant, input, request));
}

function revoke(made: AccessWorld, actor: Actor, id: string, scope: TokenRecord['scope'] = acme) {
  return made.perform(actor, 'token.revoke', { scope, id }, (grant) => made.tokenService.revoke(grant));
}

function list(made: AccessWorld, actor: Actor, scope: TokenRecord['scope'] = acme) {
  return made.perform(actor, 'token.list', { scope }, (grant) => made.tokenService.list(grant, { limit: 100 }));
}

describe('making tokens (R0.2)', () => {
  it('gives the text once, which signs in; what is kept and shown holds neither text nor digest', async () => {
    const made = await world();
    const { token, text } = await create(made, admin, { name: 'ci 🚀', role: 'tenant-member', expiresAt: made.clock.now() + DAY });
    expect(token).toMatchObject({ scope: acme, name: 'ci 🚀', role: 'tenant-member', origin: 'api', createdBy: admin.id, expiresAt: made.clock.now() + DAY, revokedAt: null, etag: '1' });
    const principal = await made.principals.authenticate(text?.reveal() ?? '', ['t']);
    expect(principal?.actor).toEqual({ kind: 'token', id: token.id, role: 'tenant-member', scope: acme });
    const secret = text?.reveal().slice(-49) ?? 'none';
    const stored = await made.store.tokens.get({ id: token.id });
    expect(JSON.stringify(stored)).not.toContain(secret);
    expect(JSON.stringify(token)).not.toContain(stored?.record.digests[0]?.digest ?? 'none');
    expect(JSON.stringify(made.rows)).not.toContain(secret);
  });

  it.each(['tenant-admin', 'tenant-member', 'tenant-auditor'])('a tenant-admin makes a %s', async (role) => {
    const made = await world();
    expect((await create(made, admin, { name: 'x', role })).token.role).toBe(role);
  });

  it.each(['platform-admin', 'platform-operator', 'platform-auditor', 'secret-reader'])('a platform-admin makes a %s of the platform', async (role) => {
    const made = await world();
    expect((await create(made, platformAdmin, { name: 'x', role }, platformScope)).token).toMatchObject({ role, scope: platformScope });
  });

  it.each([
    ['a platform role in a tenant', acme, admin, 'platform-admin'],
    ['a tenant role on the platform', platformScope, platformAdmin, 'tenant-admin'],
    ['the role of gateway keys', acme, admin, 'gateway-key'],
    ['the role of jobs', platformScope, platformAdmin, 'system'],
    ['a property that every object has', acme, admin, 'constructor'],
    ['no role', acme, admin, ''],
  ] as const)('refuses %s', async (_, scope, actor, role) => {
    const made = await world();
    await expect(create(made, actor, { name: 'x', role }, scope)).rejects.toMatchObject({ code: 'invalid_argument' });
  });

  it.each(['', ' ', '\u200b', 'a\nb', 'a\u0000b', 'a\u001b[31m', '\ud800', 'x'.repeat(101)])('refuses the name %j', async (name) => {
    const made = await world();
    await expect(create(made, admin, { name, role: 'tenant-member' })).rejects.toMatchObject({ code: 'invalid_argument' });
  });

  it('takes names of 100 characters, each an emoji', async () => {
    const made = await world();
    expect((await create(made, admin, { name: '😀'.repeat(100), role: 'tenant-member' })).token.name).toHaveLength(200);
  });

  it.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 253_402_300_800_000])('refuses the expiry %d', async (expiresAt) => {
    const made = await world();
    await expect(create(made, admin, { name: 'x', role: 'tenant-member', expiresAt })).rejects.toMatchObject({ code: 'invalid_argument' });
  });

  it('S34: no more than 1,000 of a tenant that work', async () => {
    const made = await world();
    const { token } = await create(made, admin, { name: 'app', role: 'tenant-member' });
    const { record } = (await made.store.tokens.get({ id: token.id }))!;
    for (let count = 1; count < 1_000; count += 1) await made.store.tokens.create({ id: `t${count}` }, { ...record, id: `t${count}` });
    for (let count = 0; count < 5; count += 1) await made.store.tokens.create({ id: `e${count}` }, { ...record, id: `e${count}`, expiresAt: 1 });
    await expect(create(made, admin, { name: 'app', role: 'tenant-member' })).rejects.toMatchObject({ code: 'conflict', message: expect.stringContaining('1000 tokens') });
    await revoke(made, admin, token.id);
    expect((await create(made, admin, { name: 'app', role: 'tenant-member' })).text).not.toBeNull();
  });

  it('an expired token is unknown', async () => {
    const made = await world();
    const { text } = await create(made, admin, { name: 'x', role: 'tenant-member', expiresAt: made.clock.now() + 1_000 });
    made.advance(1_000);
    expect(await made.principals.authenticate(text?.reveal() ?? '', ['t'])).toBeUndefined();
  });
});

describe('a tenant\'s first administrator (S25)', () => {
  it('a platform-admin makes one, and no second while it is active', async () => {
    const made = await world();
    await create(made, platformAdmin, { name: 'first', role: 'tenant-admin' });
    await expect(create(made, platformAdmin, { name: 'second', role: 'tenant-admin' })).rejects.toMatchObject({ code: 'permission_denied' });
    expect((await list(made, admin)).items).toHaveLength(1);
    expect(made.rows.at(-1)).toBe('outcome denied permission_denied');
  });

  it.each(['tenant-member', 'tenant-auditor'])('a platform-admin makes no %s', async (role) => {
    const made = await world();
    await expect(create(made, platformAdmin, { name: 'x', role })).rejects.toMatchObject({ code: 'permission_denied' });
  });

  it('of many platform-admins at the same moment one wins and the others are refused', async () => {
    const made = await world();
    const results = await Promise.allSettled(Array.from({ length: 8 }, (_, index) => create(made, platformAdmin, { name: `n${index}`, role: 'tenant-admin' })));
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const result of results) if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'permission_denied' });
    expect((await list(made, admin)).items).toHaveLength(1);
  });

  it('administrators that the tenant made itself count too', async () => {
    const made = await world();
    await create(made, admin, { name: 'own', role: 'tenant-admin' });
    await expect(create(made, platformAdmin, { name: 'x', role: 'tenant-admin' })).rejects.toMatchObject({ code: 'permission_denied' });
  });

  it('after the last one was revoked or has expired, a platform-admin makes another one', async () => {
    const made = await world();
    const { token } = await create(made, platformAdmin, { name: 'first', role: 'tenant-admin' });
    await revoke(made, tenantActor('tenant-admin', 'acme', token.id), token.id);
    await create(made, platformAdmin, { name: 'second', role: 'tenant-admin', expiresAt: made.clock.now() + DAY });
    await expect(create(made, platformAdmin, { name: 'third', role: 'tenant-admin' })).rejects.toMatchObject({ code: 'permission_denied' });
    made.advance(DAY);
    await create(made, platformAdmin, { name: 'third', role: 'tenant-admin' });
    expect((await made.store.tenants.get({ tenant: 'acme' }))?.record.adminTokens).toHaveLength(1);
  });

  it('one tenant\'s administrator is not another\'s', async () => {
    const made = await world();
    await create(made, platformAdmin, { name: 'x', role: 'tenant-admin' });
    await create(made, platformAdmin, { name: 'x', role: 'tenant-admin' }, tenantScope('other'));
    expect((await list(made, tenantActor('tenant-admin', 'other'), tenantScope('other'))).items).toHaveLength(1);
  });

  it('a claim whose maker died counts for a minute and is forgotten then', async () => {
    const made = await world();
    const stored = await made.store.tenants.get({ tenant: 'acme' });
    if (stored === undefined) throw new Error('no tenant');
    const abandoned = { ...stored.record, adminTokens: [{ id: 'abandoned0000000', claimedAt: made.clock.now() }] };
    await made.store.tenants.replace({ tenant: 'acme' }, abandoned, stored.revision);
    await expect(create(made, platformAdmin, { name: 'x', role: 'tenant-admin' })).rejects.toMatchObject({ code: 'permission_denied' });
    made.advance(60_000);
    await create(made, platformAdmin, { name: 'x', role: 'tenant-admin' });
    const after = await made.store.tenants.get({ tenant: 'acme' });
    expect(after?.record.adminTokens.map(({ id }) => id)).not.toContain('abandoned0000000');
  });

  it('a maker that stalls so long that its claim was dropped hands nothing out', async () => {
    const memory = createMemoryStore();
    const stall = { next: async () => {} };
    const tokens: TokenRepository = {
      get: (key) => memory.tokens.get(key),
      list: (scope, page) => memory.tokens.list(scope, page),
      replace: (key, record, revision) => memory.tokens.replace(key, record, revision),
      remove: (key, revision) => memory.tokens.remove(key, revision),
      create: async (key, record) => {
        const wait = stall.next;
        stall.next = async () => {};
        await wait();
        return memory.tokens.create(key, record);
      },
    };
    const made = await world({ ...memory, tokens });
    stall.next = async () => {
      made.advance(61_000);
      await create(made, platformAdmin, { name: 'second', role: 'tenant-admin' });
    };
    await expect(create(made, platformAdmin, { name: 'stalled', role: 'tenant-admin' })).rejects.toMatchObject({ code: 'conflict' });
    const { items } = await list(made, admin);
    expect(items.filter(({ revokedAt }) => revokedAt === null).map(({ name }) => name)).toEqual(['second']);
  });

  it('a tenant that is being removed gets none, even if the decision was made just before', async () => {
    const made = await world();
    const late = made.perform(platformAdmin, 'token.create', { scope: acme }, async (grant) => {
      await made.perform(platformAdmin, 'tenant.delete', { scope: acme }, (other) => made.tenantService.remove(other));
      return made.tokenService.create(grant, { name: 'x', role: 'tenant-admin' });
    });
    await expect(late).rejects.toMatchObject({ code: 'conflict' });
  });

  it('a tenant has at most 100 active administrators, so that its record stays small', async () => {
    const made = await world();
    for (let count = 0; count < 100; count += 1) await create(made, admin, { name: `n${count}`, role: 'tenant-admin' });
    await expect(create(made, admin, { name: 'one more', role: 'tenant-admin' })).rejects.toMatchObject({ code: 'conflict' });
    await create(made, admin, { name: 'a member', role: 'tenant-member' });
  });
});

describe('Idempotency-Key (S27)', () => {
  it('a repeat gives the same token without its text, and makes nothing', async () => {
    const made = await world();
    const first = await create(made, admin, { name: 'ci', role: 'tenant-member' }, acme, 'k1');
    const again = await create(made, admin, { name: 'ci', role: 'tenant-member' }, acme, 'k1');
    expect(first.text).not.toBeNull();
    expect(again).toEqual({ token: first.token, text: null });
    expect((await list(made, admin)).items).toHaveLength(1);
  });

  it('repeats at the same moment make one token, and one of them gets the text', async () => {
    const made = await world();
    const results = await Promise.all(Array.from({ length: 5 }, () => create(made, platformAdmin, { name: 'ci', role: 'tenant-admin' }, acme, 'k1')));
    expect(new Set(results.map(({ token }) => token.id)).size).toBe(1);
    expect(results.filter(({ text }) => text !== null)).toHaveLength(1);
    expect((await list(made, admin)).items).toHaveLength(1);
  });

  it('another body is a conflict, and so is the same one after 24 hours', async () => {
    const made = await world();
    await create(made, admin, { name: 'ci', role: 'tenant-member' }, acme, 'k1');
    await expect(create(made, admin, { name: 'other', role: 'tenant-member' }, acme, 'k1')).rejects.toMatchObject({ code: 'conflict' });
    made.advance(DAY);
    await expect(create(made, admin, { name: 'ci', role: 'tenant-member' }, acme, 'k1')).rejects.toMatchObject({ code: 'conflict' });
  });

  it('another actor with the same key makes another token', async () => {
    const made = await world();
    const one = await create(made, admin, { name: 'ci', role: 'tenant-member' }, acme, 'k1');
    const two = await create(made, tenantActor('tenant-admin', 'acme', 'secondadmin00000'), { name: 'ci', role: 'tenant-member' }, acme, 'k1');
    expect(two.token.id).not.toBe(one.token.id);
  });

  it('a first administrator whose maker died after the claim can be made by the repeat', async () => {
    const memory = createMemoryStore();
    let failing = true;
    const tokens: TokenRepository = {
      get: (key) => memory.tokens.get(key),
      list: (scope, page) => memory.tokens.list(scope, page),
      replace: (key, record, revision) => memory.tokens.replace(key, record, revision),
      remove: (key, revision) => memory.tokens.remove(key, revision),
      create: async (key, record) => {
        if (failing) throw new KeyholdError('unavailable', 'The database does not answer.');
        return memory.tokens.create(key, record);
      },
    };
    const made = await world({ ...memory, tokens });
    await expect(create(made, platformAdmin, { name: 'x', role: 'tenant-admin' }, acme, 'k1')).rejects.toMatchObject({ code: 'unavailable' });
    failing = false;
    expect((await create(made, platformAdmin, { name: 'x', role: 'tenant-admin' }, acme, 'k1')).text).not.toBeNull();
  });
});

describe('listing and revoking (R0.2)', () => {
  it('each scope lists its own', async () => {
    const made = await world();
    const { token } = await create(made, admin, { name: 'x', role: 'tenant-member' });
    await create(made, platformAdmin, { name: 'y', role: 'platform-auditor' }, platformScope);
    expect((await list(made, admin)).items).toEqual([token]);
    expect((await list(made, tenantActor('tenant-admin', 'other'), tenantScope('other'))).items).toEqual([]);
    expect((await list(made, platformAdmin, platformScope)).items.map(({ name }) => name)).toEqual(['y']);
  });

  it('a tenant-member lists and revokes the token it signs in with, and no other', async () => {
    const made = await world();
    const own = await create(made, admin, { name: 'mine', role: 'tenant-member' });
    const another = await create(made, admin, { name: 'not mine', role: 'tenant-member' });
    const me = tenantActor('tenant-member', 'acme', own.token.id);
    expect((await list(made, me)).items).toEqual([own.token]);
    await expect(revoke(made, me, another.token.id)).rejects.toMatchObject({ code: 'permission_denied' });
    await expect(revoke(made, me, 'doesnotexist0000')).rejects.toMatchObject({ code: 'permission_denied' });
    expect((await revoke(made, me, own.token.id)).revokedAt).toBe(made.clock.now());
    expect((await list(made, member)).items).toEqual([]);
  });

  it('a revoked token is unknown at the next request, and revoking it again changes nothing and is announced again (S10)', async () => {
    const made = await world();
    const { token, text } = await create(made, admin, { name: 'x', role: 'tenant-member' });
    expect(await made.principals.authenticate(text?.reveal() ?? '', ['t'])).toBeDefined();
    const revoked = await revoke(made, admin, token.id);
    expect(await made.principals.authenticate(text?.reveal() ?? '', ['t'])).toBeUndefined();
    made.advance(1_000);
    expect(await revoke(made, admin, token.id)).toEqual(revoked);
    const announcement = { topic: 'token', id: token.id, version: 2 };
    expect(made.published.filter(({ topic }) => topic === 'token')).toEqual([announcement, announcement]);
  });

  it('R10.2: a token of another tenant or of the platform looks as if it did not exist', async () => {
    const made = await world();
    const other = await create(made, tenantActor('tenant-admin', 'other'), { name: 'x', role: 'tenant-member' }, tenantScope('other'));
    const platform = await create(made, platformAdmin, { name: 'x', role: 'platform-auditor' }, platformScope);
    const missing = await revoke(made, admin, 'doesnotexist0000').catch((error: unknown) => error);
    for (const id of [other.token.id, platform.token.id]) {
      const error = await revoke(made, admin, id).catch((caught: unknown) => caught);
      expect(error).toEqual(missing);
      expect(error).toMatchObject({ code: 'not_found' });
    }
    await expect(revoke(made, platformAdmin, other.token.id, platformScope)).rejects.toMatchObject({ code: 'not_found' });
  });

  it('the last active platform-admin token stays until there is another', async () => {
    const made = await world();
    const one = await create(made, platformAdmin, { name: 'one', role: 'platform-admin' }, platformScope);
    await create(made, platformAdmin, { name: 'not an admin', role: 'platform-auditor' }, platformScope);
    await create(made, platformAdmin, { name: 'soon over', role: 'platform-admin', expiresAt: made.clock.now() + 1_000 }, platformScope);
    made.advance(1_000);
    await expect(revoke(made, platformAdmin, one.token.id, platformScope)).rejects.toMatchObject({ code: 'conflict' });
    await create(made, platformAdmin, { name: 'two', role: 'platform-admin' }, platformScope);
    expect((await revoke(made, platformAdmin, one.token.id, platformScope)).revokedAt).not.toBeNull();
  });
});
