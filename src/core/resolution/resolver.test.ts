import { beforeEach, describe, expect, it, vi } from 'vitest';
import { codeOf, type CredentialWorld, createCredentialWorld, testServices } from '../../../test/support/credential-world.ts';
import { KeyholdError } from '../../ports/errors.ts';
import { platformScope, type Scope, tenantScope } from '../../ports/scope.ts';
import { SecretValue } from '../../ports/secret-value.ts';
import type { UpdateRequest } from '../credentials/credential-service.ts';

const own = 'sk-test-own-0123456789';
const newer = 'sk-test-newer-0123456789';
const shared = 'sk-test-platform-0123456789';
const { openai, twilio, azure } = testServices;

let world: CredentialWorld;
beforeEach(() => {
  world = createCredentialWorld();
});

const acme = tenantScope('acme');
const update = (changes: UpdateRequest, scope: Scope = acme, label = 'default') =>
  world.as('credential.update', (grant) => world.credentials.update(grant, changes), { scope, label });
const revoke = (scope: Scope = acme) => world.as('credential.revoke', (grant) => world.credentials.revoke(grant), { scope });
const remove = (scope: Scope = acme) => world.as('credential.delete', (grant) => world.credentials.remove(grant), { scope });
const resolve = async (tenant = 'acme') => world.resolver.resolve(await world.use(tenant), { service: openai });

async function refusal(tenant = 'acme'): Promise<KeyholdError> {
  try {
    await resolve(tenant);
  } catch (error) {
    if (error instanceof KeyholdError) return error;
    throw error;
  }
  throw new Error('was resolved');
}

describe('R3.3: the order of resolution', () => {
  it('takes the tenant\'s own credential before the platform\'s', async () => {
    await world.put(shared, { scope: platformScope });
    const platform = await resolve();
    expect(platform).toMatchObject({ source: 'platform', credentialVersion: 1, label: 'default' });
    expect(platform.fields['api_key']?.reveal()).toBe(shared);
    const { credential } = await world.put(own);
    expect(await resolve()).toMatchObject({ source: 'tenant', credentialId: credential.id, credentialVersion: 1, label: 'default' });
    expect(await world.served()).toBe(own);
    expect(await world.served('other')).toBe(shared);
  });

  it('uses the platform\'s only where it is offered and the policy allows it', async () => {
    await world.put(shared, { scope: platformScope });
    await update({ offerTo: ['other'] }, platformScope);
    expect((await refusal()).details).toEqual({ reason: 'absent', service: 'openai' });
    expect(await world.served('other')).toBe(shared);
    await update({ offerTo: 'none' }, platformScope);
    expect((await refusal('other')).details?.['reason']).toBe('absent');
    await update({ offerTo: 'all' }, platformScope);
    expect(await world.served()).toBe(shared);
    world.policy.platformFallback = false;
    expect((await refusal()).details?.['reason']).toBe('absent');
  });

  it('says what to do when there is nothing', async () => {
    const error = await refusal();
    expect(error.code).toBe('no_credential');
    expect(error.message).toContain('PUT /api/v1/tenants/acme/credentials/openai');
  });

  it.each(['disabled', 'revoked', 'expired'] as const)('never falls through from a %s credential', async (reason) => {
    await world.put(shared, { scope: platformScope });
    await world.put(own, { expiresAt: world.clock.now() + 1000 });
    expect(await world.served()).toBe(own);
    if (reason === 'disabled') await update({ disabled: true });
    if (reason === 'revoked') await revoke();
    if (reason === 'expired') world.clock.advance(1000);
    const error = await refusal();
    expect(error).toMatchObject({ code: 'no_credential', details: { reason, service: 'openai', source: 'tenant' } });
  });

  it('takes a deleted credential as absent', async () => {
    await world.put(shared, { scope: platformScope });
    await world.put(own);
    await remove();
    expect(await world.served()).toBe(shared);
  });

  it('ends at a platform credential that is switched off', async () => {
    await world.put(shared, { scope: platformScope });
    await update({ disabled: true }, platformScope);
    expect((await refusal()).details).toEqual({ reason: 'disabled', service: 'openai', source: 'platform' });
  });

  it('does not fall through when the store or the database cannot be reached', async () => {
    await world.put(shared, { scope: platformScope });
    await world.put(own);
    world.store.failNext(1, new KeyholdError('unavailable', 'down'));
    expect((await refusal()).code).toBe('unavailable');
    world.store.failNext(1, new KeyholdError('permission_denied', 'the store says no'));
    expect(await refusal()).toMatchObject({ code: 'unavailable', publicMessage: expect.not.stringContaining('the store says no') });
    expect(await world.served()).toBe(own);
  });

  it('a value that is gone: the record is read once more, then `corrupt`, and the store is not asked again for 2 s', async () => {
    await world.put(own);
    const reference = (await world.record())?.record.current?.reference;
    if (reference !== undefined) await world.store.destroy(reference);
    expect((await refusal()).code).toBe('corrupt');
    expect((await refusal()).code).toBe('corrupt');
    expect(world.store.calls.get).toBe(1);
    await world.put(newer);
    expect(await world.served()).toBe(newer);
  });

  it('S11: a read that began before a write does not say «gone» of what was written since', async () => {
    await world.put(own);
    const asked = Promise.withResolvers<undefined>();
    const written = Promise.withResolvers<undefined>();
    vi.spyOn(world.store, 'get').mockImplementationOnce(async () => {
      asked.resolve(undefined);
      await written.promise;
      throw new KeyholdError('not_found', 'not there yet');
    });
    const served = world.served();
    await asked.promise;
    await update({ notes: 'something was written' });
    written.resolve(undefined);
    expect(await served).toBe(own);
  });

  it('a value that is gone because it was replaced elsewhere: the record that is read once more serves', async () => {
    await world.put(own);
    const reference = (await world.record())?.record.current?.reference;
    const asked = async () => world.resolver.resolve(await world.use(), { service: openai });
    // The record is in the cache, its value is not.
    world.store.failNext(1, new KeyholdError('unavailable', 'down'), { operation: 'get' });
    expect(await codeOf(asked())).toBe('unavailable');
    // On another replica, whose announcement does not arrive here.
    const silence = vi.spyOn(world.bus, 'publish').mockResolvedValue(undefined);
    await world.put(newer);
    silence.mockRestore();
    if (reference !== undefined) await world.store.destroy(reference);
    expect((await asked()).fields['api_key']?.reveal()).toBe(newer);
  });

  it('chooses of several labels: weight 0 last, then `default`, then by label; a member that cannot serve does not hand over', async () => {
    await world.put('sk-test-label-b-0123456789', { label: 'b' });
    await world.put('sk-test-label-a-0123456789', { label: 'a' });
    expect((await resolve()).label).toBe('a');
    await world.put(own);
    expect((await resolve()).label).toBe('default');
    await update({ weight: 0 });
    expect((await resolve()).label).toBe('a');
    await update({ disabled: true }, acme, 'a');
    expect((await refusal()).details?.['reason']).toBe('disabled');
    await update({ weight: 0 }, acme, 'a');
    await update({ weight: 0 }, acme, 'b');
    expect((await resolve()).label).toBe('default');
  });

  it('keeps settings and all fields of one version together (S3, R3.1)', async () => {
    const fields = { account_sid: 'AC-test-0123456789', auth_token: 'tok-test-0123456789' };
    await world.as('credential.put', (grant) => world.credentials.put(grant, { fields }), { service: 'twilio' });
    const resolved = await world.resolver.resolve(await world.use(), { service: twilio });
    expect(Object.entries(resolved.fields).map(([name, value]) => [name, value.reveal()])).toEqual(Object.entries(fields));
  });
});

describe('R0.4: the caller\'s own key', () => {
  const explicit = async (key: string, service = openai) => world.resolver.resolve(await world.use(), { service, explicitKey: new SecretValue(key) });

  it('serves the request before everything else, without a credential', async () => {
    await world.put(own);
    const resolved = await explicit('sk-test-mine-0123456789');
    expect(resolved).toMatchObject({ source: 'explicit', credentialId: null, credentialVersion: null, label: null, settings: {} });
    expect(resolved.fields['api_key']?.reveal()).toBe('sk-test-mine-0123456789');
    expect(resolved.isCurrent()).toBe(true);
    expect(await world.resolver.refreshAfterRefusal(resolved)).toBe(undefined);
    expect(world.store.calls.get).toBe(0);
  });

  it('is checked like a stored one, refused by policy, and not for services with several fields', async () => {
    expect(await codeOf(explicit('sk-test-mine-0123456789\r\nx-evil: 1'))).toBe('invalid_argument');
    expect(await codeOf(explicit('short'))).toBe('invalid_argument');
    expect(await codeOf(explicit('tok-test-0123456789', twilio))).toBe('unsupported');
    await expect(explicit('key-test-0123456789', azure)).rejects.toMatchObject({ code: 'unsupported', publicMessage: expect.stringContaining('goes with its endpoint') });
    world.policy.explicitKeys = false;
    expect(await codeOf(explicit('sk-test-mine-0123456789'))).toBe('permission_denied');
  });
});

describe('R3.9, R3.10: reads and caches', () => {
  it('reads a value once in 5 minutes, logs it by name, and audits the read', async () => {
    await world.put(own);
    await resolve();
    world.clock.advance(4 * 60_000);
    await resolve();
    expect(world.store.calls.get).toBe(1);
    expect(world.audit.countOf('credential.fetch')).toBe(1);
    expect(world.log.of('secret_retrieved')).toMatchObject([{ level: 'info', msg: 'Retrieved API key from encrypted database: tenants/acme/openai' }]);
    expect(world.log.of('secret_cache_hit')).toMatchObject([{ level: 'debug', msg: 'Cache hit for secret: tenants/acme/openai' }]);
    world.clock.advance(61_000);
    await resolve();
    expect(world.store.calls.get).toBe(2);
    expect(JSON.stringify(world.log.lines)).not.toContain(own);
  });

  it('reads once for many requests that come together', async () => {
    await world.put(own);
    world.store.delayMs = 20;
    await Promise.all(Array.from({ length: 50 }, () => resolve()));
    expect(world.store.calls.get).toBe(1);
    expect(world.audit.countOf('credential.fetch')).toBe(1);
  });

  it('R10.3: does not read a value whose read cannot be audited', async () => {
    await world.put(own);
    world.audit.fails = new KeyholdError('unavailable', 'the audit log cannot be written');
    expect((await refusal()).code).toBe('unavailable');
    expect(world.store.calls.get).toBe(0);
  });

  it('S5: does not use what would not fit into a header, whatever is in the store', async () => {
    await world.put(own);
    const get = world.store.get.bind(world.store);
    world.store.get = async (reference) => ({ ...(await get(reference)), api_key: new SecretValue('sk-test\r\nx-evil: 1') });
    expect((await refusal()).code).toBe('corrupt');
    world.store.get = async () => ({});
    expect((await refusal()).code).toBe('corrupt');
  });

  it('remembers «none» too, and forgets it on a write', async () => {
    const list = world.metadata.credentials.listService.bind(world.metadata.credentials);
    let reads = 0;
    world.metadata.credentials.listService = (scope, service) => {
      reads += 1;
      return list(scope, service);
    };
    await refusal();
    await refusal();
    expect(reads).toBe(2);
    await world.put(own);
    expect(await world.served()).toBe(own);
    const before = reads;
    world.clock.advance(10_000);
    await resolve();
    expect(reads).toBe(before + 1);
  });

  it('without an announcement a change is seen within 10 s', async () => {
    await world.put(own);
    const deaf = world.newResolver();
    const served = async () => (await deaf.resolve(await world.use(), { service: openai })).fields['api_key']?.reveal();
    expect(await served()).toBe(own);
    const silence = vi.spyOn(world.bus, 'publish').mockResolvedValue(undefined);
    await world.put(newer);
    silence.mockRestore();
    world.clock.advance(10_000);
    expect(await served()).toBe(newer);
  });

  it('never uses an older record than was announced, though the database shows it (S32)', async () => {
    await world.put(own);
    const hearing = world.newResolver();
    const served = async () => (await hearing.resolve(await world.use(), { service: openai })).fields['api_key']?.reveal();
    const old = await world.metadata.credentials.listService(acme, 'openai');
    await world.put(newer);
    const list = world.metadata.credentials.listService.bind(world.metadata.credentials);
    // Another replica of the database lags behind.
    let lagging = 2;
    world.metadata.credentials.listService = async (scope, service) => {
      lagging -= 1;
      return lagging >= 0 && scope.kind === 'tenant' ? old : list(scope, service);
    };
    expect(await served()).toBe(newer);
    lagging = 1_000;
    world.clock.advance(10_000);
    expect(await codeOf(served())).toBe('unavailable');
  });
});

describe('S10: what is under way', () => {
  it.each(['revoke', 'disable', 'remove', 'expire', 'withdraw'] as const)('ends at %s', async (how) => {
    const scope = how === 'withdraw' ? platformScope : acme;
    await world.put(own, { scope, expiresAt: world.clock.now() + 60_000 });
    const resolved = await resolve();
    expect(resolved.isCurrent()).toBe(true);
    if (how === 'revoke') await revoke();
    if (how === 'disable') await update({ disabled: true });
    if (how === 'remove') await remove();
    if (how === 'expire') world.clock.advance(60_000);
    if (how === 'withdraw') await update({ offerTo: ['other'] }, platformScope);
    await new Promise((resume) => setImmediate(resume));
    expect(resolved.isCurrent()).toBe(false);
  });

  it('goes on when the key is replaced or something else about it changes', async () => {
    await world.put(own);
    const resolved = await resolve();
    await world.put(newer);
    await update({ notes: 'x' });
    await new Promise((resume) => setImmediate(resume));
    expect(resolved.isCurrent()).toBe(true);
    expect(await world.served()).toBe(newer);
  });

  it('ends within 10 s where no announcement arrives', async () => {
    await world.put(own);
    const resolved = await resolve();
    world.bus.publish = async () => undefined;
    await revoke();
    world.clock.advance(10_000);
    resolved.isCurrent();
    await new Promise((resume) => setImmediate(resume));
    expect(resolved.isCurrent()).toBe(false);
  });
});

describe('S11: after the provider refused a key', () => {
  it('gives the newer version once, and asks again for one version only after 30 s', async () => {
    await world.put(own);
    const resolved = await resolve();
    expect(await world.resolver.refreshAfterRefusal(resolved)).toBe(undefined);
    world.bus.publish = async () => undefined;
    await world.put(newer);
    expect(await world.resolver.refreshAfterRefusal(resolved)).toBe(undefined);
    world.clock.advance(30_000);
    const again = await world.resolver.refreshAfterRefusal(resolved);
    expect(again?.fields['api_key']?.reveal()).toBe(newer);
    expect(await world.resolver.refreshAfterRefusal(resolved)).toBe(undefined);
  });

  it('has nothing to try instead when the credential was taken out of use', async () => {
    await world.put(own);
    const resolved = await resolve();
    await revoke();
    expect(await world.resolver.refreshAfterRefusal(resolved)).toBe(undefined);
  });
});
