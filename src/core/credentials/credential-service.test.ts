import { beforeEach, describe, expect, it } from 'vitest';
import { codeOf, type CredentialWorld, createCredentialWorld } from '../../../test/support/credential-world.ts';
import { KeyholdError } from '../../ports/errors.ts';
import { platformScope, type Scope, tenantScope } from '../../ports/scope.ts';
import type { UpdateRequest } from './credential-service.ts';
import type { IfMatch } from '../versions/etag.ts';

const first = 'sk-test-first-0123456789';
const second = 'sk-test-second-0123456789';
const DAY = 24 * 60 * 60 * 1000;

let world: CredentialWorld;
beforeEach(() => {
  world = createCredentialWorld();
});

function update(changes: UpdateRequest, scope: Scope = tenantScope('acme')) {
  return world.as('credential.update', (grant) => world.credentials.update(grant, changes), { scope });
}
const remove = (ifMatch?: IfMatch) => world.as('credential.delete', (grant) => world.credentials.remove(grant, { ifMatch }));
const revoke = (reason?: string) => world.as('credential.revoke', (grant) => world.credentials.revoke(grant, { reason }));
const purge = () => world.as('credential.purge', (grant) => world.credentials.purge(grant));
const get = () => world.as('credential.read', (grant) => world.credentials.get(grant));
const list = () => world.as('credential.read', (grant) => world.credentials.list(grant, { limit: 100 }));

describe('R0.2, R3.1: PUT', () => {
  it('makes a credential and shows everything but the value', async () => {
    const { created, credential } = await world.put(first);
    expect(created).toBe(true);
    expect(credential).toMatchObject({
      service: 'openai',
      label: 'default',
      state: 'active',
      storedIn: 'sealed',
      hints: { api_key: '6789' },
      settings: {},
      version: 1,
      expiresAt: null,
      weight: 1,
      notes: '',
      disabled: false,
      revokedAt: null,
      deletedAt: null,
      warnings: [],
    });
    expect(credential.id).toMatch(/^cred_[0-9a-z]{16}$/);
    expect(credential.etag).toMatch(/^[\w-]+$/);
    expect(JSON.stringify([credential, await world.record()])).not.toContain(first);
    expect(await world.served()).toBe(first);
  });

  it('replaces: the id stays, the version grows, the new key serves at the next request', async () => {
    const before = await world.put(first);
    expect(await world.served()).toBe(first);
    const after = await world.put(second);
    expect(after).toMatchObject({ created: false, credential: { id: before.credential.id, version: 2 } });
    expect(after.credential.etag).not.toBe(before.credential.etag);
    expect(await world.served()).toBe(second);
  });

  it('S34: no more than 1,000 for a tenant that are not deleted', async () => {
    await world.put(first);
    const { record } = (await world.record())!;
    const records = world.metadata.credentials;
    for (let count = 1; count < 1_000; count += 1) await records.create({ scope: tenantScope('acme'), service: 'openai', label: `l${count}` }, { ...record, label: `l${count}` });
    for (let count = 0; count < 5; count += 1) await records.create({ scope: tenantScope('acme'), service: 'groq', label: `d${count}` }, { ...record, service: 'groq', label: `d${count}`, state: 'deleted' });
    const put = (label: string) => world.as('credential.put', (grant) => world.credentials.put(grant, { fields: { api_key: first } }), { label });
    await expect(put('one-more')).rejects.toMatchObject({ code: 'conflict', message: expect.stringContaining('1000 credentials') });
    expect((await put('l7')).created).toBe(false);
    await remove();
    expect((await put('one-more')).created).toBe(true);
  });

  it('S3: settings and expiry are of one version and replaced as a whole', async () => {
    const put = (settings: Record<string, unknown>) =>
      world.as('credential.put', (grant) => world.credentials.put(grant, { fields: { api_key: first }, settings, expiresAt: world.clock.now() + DAY }), { service: 'azure-openai' });
    await put({ endpoint: 'https://one.openai.azure.com', deploymentMappings: { a: 'b' } });
    const { credential } = await put({ endpoint: 'https://two.openai.azure.com' });
    expect(credential.settings).toEqual({ endpoint: 'https://two.openai.azure.com' });
    await world.put(first, { expiresAt: world.clock.now() + DAY });
    expect((await world.put(second)).credential.expiresAt).toBe(null);
  });

  it('keeps a disabled credential disabled, with its weight and notes', async () => {
    await world.put(first);
    await update({ disabled: true, weight: 5, notes: 'for batch jobs' });
    expect((await world.put(second)).credential).toMatchObject({ state: 'disabled', weight: 5, notes: 'for batch jobs' });
  });

  it.each(['revoked', 'deleted', 'purged'])('R3.3: on a %s one makes a new credential, and the version goes on', async (state) => {
    const before = await world.put(first);
    await update({ disabled: true, weight: 5, notes: 'old' });
    if (state === 'revoked') await revoke();
    else await remove();
    if (state === 'purged') await purge();
    world.clock.advance(1000);
    const after = await world.put(second);
    expect(after).toMatchObject({ created: true, credential: { state: 'active', version: 2, weight: 1, notes: '', createdAt: world.clock.now(), deletedAt: null, revokedAt: null } });
    expect(after.credential.id).not.toBe(before.credential.id);
    expect(await world.served()).toBe(second);
    await world.reconcile();
    expect(world.store.keptVersions()).toBe(1);
  });

  it('changes nothing when the request is wrong', async () => {
    await world.put(first);
    const before = await world.record();
    const put = (request: object, service = 'openai', label = 'default') =>
      codeOf(world.as('credential.put', (grant) => world.credentials.put(grant, { fields: { api_key: second }, ...request }), { service, label }));
    expect(await put({ fields: { api_key: 'short' } })).toBe('invalid_argument');
    expect(await put({ settings: { endpoint: 'https://evil.test' } })).toBe('invalid_argument');
    expect(await put({ expiresAt: world.clock.now() })).toBe('invalid_argument');
    expect(await put({ expiresAt: Number.NaN })).toBe('invalid_argument');
    expect(await put({ offerTo: 'all' })).toBe('invalid_argument');
    expect(await put({}, 'no-such-service')).toBe('not_found');
    expect(await put({}, 'openai', 'Not A Label')).toBe('invalid_argument');
    expect(await put({}, 'openai', `a${'b'.repeat(63)}`)).toBe('invalid_argument');
    expect(await world.record()).toEqual(before);
    expect(world.store.keptVersions()).toBe(1);
  });

  it('offers the platform\'s AI credentials to all and others to none, unless told', async () => {
    expect((await world.put(first, { scope: platformScope })).credential.offerTo).toBe('all');
    const twilio = { account_sid: 'AC-test-0123456789', auth_token: 'tok-test-0123456789' };
    const other = await world.as('credential.put', (grant) => world.credentials.put(grant, { fields: twilio }), { service: 'twilio', scope: platformScope });
    expect(other.credential.offerTo).toBe('none');
    expect((await update({ offerTo: ['b-team', 'acme', 'acme'] }, platformScope)).offerTo).toEqual(['acme', 'b-team']);
    expect((await world.put(second, { scope: platformScope })).credential.offerTo).toEqual(['acme', 'b-team']);
    expect(await codeOf(update({ offerTo: ['Not A Tenant'] }, platformScope))).toBe('invalid_argument');
    expect((await world.put(first)).credential).not.toHaveProperty('offerTo');
  });

  it('R3.8: tells that a key was added only once it is', async () => {
    world.store.failNext(1, new KeyholdError('permission_denied', 'no'), { operation: 'put' });
    expect(await codeOf(world.put(first))).toBe('unavailable');
    expect(world.log.of('tenant-ai-credentials.added')).toEqual([]);
    await world.put(first);
    expect(world.log.of('tenant-ai-credentials.added')).toMatchObject([{ fields: { tenantId: 'acme', provider: 'openai', addedBy: 'tok-admin', storedIn: 'database', requestId: expect.any(String) as unknown } }]);
  });
});

describe('R0.3: two writers', () => {
  it('gives the second one `conflict` while a write is open, and changes nothing', async () => {
    await world.put(first);
    let inner: Promise<unknown>[] = [];
    world.atSteps(async (step) => {
      if (step !== 'put.stored') return;
      world.atSteps(undefined);
      inner = [world.put('sk-test-loser-0123456789'), update({ weight: 3 }), remove()].map((promise) => codeOf(promise));
      await Promise.all(inner);
      expect(await world.served()).toBe(first);
    });
    await world.put(second);
    expect(await Promise.all(inner)).toEqual(['conflict', 'conflict', 'conflict']);
    expect(await world.served()).toBe(second);
    expect((await get()).weight).toBe(1);
  });

  it('lets exactly one of many that begin at once win, and every winner\'s key is one that was given', async () => {
    const results = await Promise.allSettled(Array.from({ length: 10 }, (_, index) => world.put(`sk-test-racer-${index}-0123456789`)));
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect((await get()).version).toBe(1);
    expect(world.store.keptVersions()).toBe(1);
  });

  it('finishes an expired intent by proof before it goes on', async () => {
    await world.put(first);
    world.crashAt('put.stored');
    await expect(world.put(second)).rejects.toThrow('put.stored');
    world.crashAt(undefined);
    expect(await codeOf(world.put('sk-test-third-0123456789'))).toBe('conflict');
    world.clock.advance(30_000);
    const { credential } = await world.put('sk-test-third-0123456789');
    expect(credential.version).toBe(3);
    expect(await world.served()).toBe('sk-test-third-0123456789');
  });

  it('does not let a writer commit after somebody else declared its write undone', async () => {
    await world.put(first);
    world.atSteps(async (step) => {
      if (step !== 'put.begun') return;
      world.atSteps(undefined);
      // The writer sleeps through its intent; the reconciler takes it for dead.
      world.clock.advance(31_000);
      await world.reconcile();
    });
    expect(await codeOf(world.put(second))).toBe('unavailable');
    expect(await world.served()).toBe(first);
    expect((await world.record())?.record.intent).toBe(null);
  });

  it('does not lose a write that somebody else rolled forward under the writer', async () => {
    world.atSteps(async (step) => {
      if (step !== 'put.stored') return;
      world.atSteps(undefined);
      world.clock.advance(31_000);
      await world.reconcile();
    });
    expect((await world.put(first)).credential.version).toBe(1);
    expect(await world.served()).toBe(first);
    expect(world.log.of('tenant-ai-credentials.added')).toHaveLength(1);
  });

  it('If-Match: a stale tag is `precondition_failed`, and housekeeping does not make a tag stale', async () => {
    const { credential } = await world.put(first);
    expect(await codeOf(world.put(second, { ifMatch: ['other'] }))).toBe('precondition_failed');
    const replaced = await world.put(second, { ifMatch: ['x', credential.etag] });
    expect(await codeOf(world.put(first, { ifMatch: [credential.etag] }))).toBe('precondition_failed');
    world.clock.advance(120_000);
    await world.reconcile();
    expect(world.store.keptVersions()).toBe(1);
    expect((await update({ notes: 'x', ifMatch: [replaced.credential.etag] })).notes).toBe('x');
    expect(await codeOf(update({ notes: 'y', ifMatch: [replaced.credential.etag] }))).toBe('precondition_failed');
    expect(await codeOf(remove([replaced.credential.etag]))).toBe('precondition_failed');
    expect((await world.put(first, { ifMatch: '*' })).created).toBe(false);
    expect(await codeOf(world.put(first, { ifMatch: '*', label: 'other' }))).toBe('precondition_failed');
  });
});

describe('R0.2: PATCH, GET and the list', () => {
  it('changes what is not part of the secret, and leaves the rest', async () => {
    const { credential } = await world.put(first);
    const expiresAt = world.clock.now() + DAY;
    const view = await update({ expiresAt, weight: 0, notes: 'für später 🔑' });
    expect(view).toMatchObject({ expiresAt, weight: 0, notes: 'für später 🔑', version: 1, id: credential.id, state: 'active' });
    world.clock.advance(DAY);
    expect((await get()).state).toBe('expired');
    expect(await codeOf(world.served())).toBe('no_credential');
    expect((await update({ expiresAt: null })).state).toBe('active');
    expect(await world.served()).toBe(first);
    expect((await update({ disabled: true })).state).toBe('disabled');
    expect(await codeOf(world.served())).toBe('no_credential');
  });

  it.each([{ weight: -1 }, { weight: 1.5 }, { weight: 1001 }, { weight: Number.NaN }, { notes: 'x'.repeat(2001) }, { expiresAt: 1 }])('refuses %j', async (changes) => {
    await world.put(first);
    expect(await codeOf(update(changes))).toBe('invalid_argument');
  });

  it('knows nothing of a credential whose first put never happened', async () => {
    world.store.failNext(1, new KeyholdError('unavailable', 'down'), { operation: 'put' });
    expect(await codeOf(world.put(first))).toBe('unavailable');
    expect(await codeOf(get())).toBe('not_found');
    expect(await codeOf(revoke())).toBe('not_found');
    expect((await list()).items).toEqual([]);
    world.clock.advance(30_000);
    expect(await codeOf(update({ weight: 1 }))).toBe('not_found');
    expect((await world.put(first)).credential.version).toBe(2);
  });

  it('R3.5: a put while the store is away is refused before anything is written', async () => {
    world.store.isAway = true;
    expect(await codeOf(world.put(first))).toBe('unavailable');
    expect([await world.record(), world.store.calls.put]).toEqual([undefined, 0]);
    world.store.isAway = false;
    expect((await world.put(first)).created).toBe(true);
  });

  it('a put that the store refused leaves nothing open', async () => {
    await world.put(first);
    world.store.failNext(1, new KeyholdError('permission_denied', 'no'), { operation: 'put' });
    expect(await codeOf(world.put(second))).toBe('unavailable');
    expect((await world.record())?.record.intent).toBe(null);
    expect(await world.served()).toBe(first);
  });

  it('takes scope and label from the grant alone (S21)', async () => {
    await world.put(first, { label: 'one' });
    await world.put(second, { label: 'two' });
    expect((await list()).items.map(({ label }) => label)).toEqual(['one', 'two']);
    const spent = world.as('credential.read', async (grant) => {
      await world.credentials.list(grant, { limit: 1 });
      return world.credentials.list(grant, { limit: 1 });
    });
    expect(await codeOf(spent)).toBe('internal');
    expect(await codeOf(world.as('credential.read', (grant) => world.credentials.revoke(grant), { label: 'one' }))).toBe('internal');
  });
});
