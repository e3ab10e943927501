import * as fc from 'fast-check';
import { randomBytes } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { createCredentialWorld, testServices } from '../../../test/support/credential-world.ts';
import { MemorySharedCache } from '../../../test/support/memory-shared-cache.ts';
import { asKeyholdError, KeyholdError } from '../../ports/errors.ts';
import { platformScope, scopeKey, tenantScope } from '../../ports/scope.ts';
import { SecretValue } from '../../ports/secret-value.ts';
import type { Resolver } from './resolver.ts';
import { SharedValues } from './shared-values.ts';

const KEY = 'sk-test-shared-0123456789';
const NEXT = 'sk-test-next-0123456789';
const MINUTES = 60_000;

/** Without `staleLimitMs` nobody looks how the stores are, so that nothing takes time. */
function underTest(options: { readonly staleLimitMs?: number } = { staleLimitMs: 15 * MINUTES }) {
  const cache = new MemorySharedCache();
  const world = createCredentialWorld({ home: 'vault', ...options, sharedCache: cache });
  const serve = async (resolver: Resolver, tenant = 'acme') => {
    try {
      const resolved = await resolver.resolve(await world.use(tenant), { service: testServices.openai });
      const ageMs = resolver.staleOf(resolved, tenant).value?.ageMs ?? 0;
      return { key: resolved.fields['api_key']?.reveal(), ageMs };
    } catch (error) {
      return { code: asKeyholdError(error).code };
    }
  };
  const vaultIsAway = (isAway = true): void => {
    world.store.isAway = isAway;
    world.store.failNext(isAway ? Infinity : 0, new KeyholdError('unavailable', 'Vault is away.', { outage: 'network' }), { operation: 'get' });
  };
  /** A value that one replica has read, and is now wanted by another while the vault is away. */
  const shared = async (): Promise<Resolver> => {
    await world.put(KEY);
    await serve(world.resolver);
    await until(() => cache.entries.size === 1);
    vaultIsAway();
    return world.newResolver();
  };
  return { ...world, cache, serve, vaultIsAway, shared };
}

async function until(isSo: () => boolean): Promise<void> {
  for (let turn = 0; !isSo(); turn += 1) {
    if (turn > 10_000) throw new Error('It never is so.');
    await setImmediate();
  }
}

describe('values that replicas share (R3.10, S19)', () => {
  it('serve on a replica that has never read them while their vault is away, with the age that they have', async () => {
    const { shared, serve, clock, audit } = underTest();
    const other = await shared();
    clock.advance(MINUTES);
    const before = audit.countOf('credential.fetch');
    expect(await serve(other)).toEqual({ key: KEY, ageMs: 0 });
    expect(audit.countOf('credential.fetch')).toBeGreaterThan(before);
    clock.advance(5 * MINUTES);
    expect(await serve(other)).toEqual({ key: KEY, ageMs: 6 * MINUTES });
    clock.advance(9 * MINUTES);
    expect(await serve(other)).toEqual({ code: 'unavailable' });
  });

  it('say at once how old they are where they are beyond the time of a cache', async () => {
    const { shared, serve, clock } = underTest();
    const other = await shared();
    clock.advance(10 * MINUTES);
    expect(await serve(other)).toEqual({ key: KEY, ageMs: 10 * MINUTES });
  });

  it('are not asked for while the vault answers, and nothing waits for them', async () => {
    const { shared, vaultIsAway, serve, cache, clock } = underTest();
    const other = await shared();
    vaultIsAway(false);
    clock.advance(20_000);
    cache.gate = () => new Promise(() => undefined);
    expect(await serve(other)).toEqual({ key: KEY, ageMs: 0 });
  });

  it('are as good as not there when their place is away, or they were changed, exchanged, or sealed under another key', async () => {
    const { shared, serve, cache, newResolver } = underTest();
    const other = await shared();
    cache.isAway = true;
    expect(await serve(other)).toEqual({ code: 'unavailable' });
    cache.isAway = false;
    const [[name, bytes] = ['', Buffer.alloc(0)]] = [...cache.entries];
    for (let position = 0; position < bytes.length; position += 7) {
      const changed = Buffer.from(bytes);
      changed.writeUInt8(changed.readUInt8(position) ^ 1, position);
      cache.entries.set(name, changed);
      expect(await serve(newResolver()), `changed at ${position}`).toEqual({ code: 'unavailable' });
    }
    for (const short of [Buffer.alloc(0), bytes.subarray(0, 20), Buffer.alloc(200_000)]) {
      cache.entries.set(name, short);
      expect(await serve(newResolver())).toEqual({ code: 'unavailable' });
    }
    cache.entries.set(name, bytes);
    expect(await serve(newResolver())).toEqual({ key: KEY, ageMs: 0 });
  });

  it('show neither names nor values, and no two look alike', async () => {
    const { shared, cache } = underTest();
    await shared();
    const [[name, bytes] = ['', Buffer.alloc(0)]] = [...cache.entries];
    for (const text of ['acme', 'openai', 'default', KEY]) expect(`${name} ${bytes.toString('latin1')}`).not.toContain(text);
  });

  it.each(['revoked', 'disabled', 'replaced', 'deleted'] as const)('are gone when the credential is %s, and would not be used were they still there', async (how) => {
    const { shared, serve, cache, as, credentials, put, vaultIsAway } = underTest();
    const other = await shared();
    const [[name, bytes] = ['', Buffer.alloc(0)]] = [...cache.entries];
    if (how === 'revoked') await as('credential.revoke', (grant) => credentials.revoke(grant));
    if (how === 'disabled') await as('credential.update', (grant) => credentials.update(grant, { disabled: true }));
    if (how === 'deleted') await as('credential.delete', (grant) => credentials.remove(grant));
    if (how === 'replaced') {
      vaultIsAway(false);
      await put(NEXT);
      vaultIsAway();
    }
    await until(() => cache.entries.size === 0);
    cache.entries.set(name, bytes);
    expect((await serve(other)).key).toBeUndefined();
  });

  it('are used only while the database itself says that the version is active', async () => {
    const { shared, serve, databaseState, newResolver, metadata, record } = underTest();
    await shared();
    databaseState.fault = new KeyholdError('unavailable', 'The database cannot answer now.');
    expect(await serve(newResolver())).toEqual({ code: 'unavailable' });
    databaseState.fault = undefined;
    const stored = await record();
    if (stored === undefined) throw new Error('There is no record.');
    // Nobody hears of this change.
    const third = newResolver();
    const get = metadata.credentials.get.bind(metadata.credentials);
    metadata.credentials.get = async (key) => {
      const found = await get(key);
      return found === undefined ? undefined : { ...found, record: { ...found.record, disabled: true } };
    };
    expect(await serve(third)).toEqual({ code: 'unavailable' });
  });

  it('are bound to their credential, version, store and times', async () => {
    const cache = new MemorySharedCache();
    const { put, record: recordOf, clock } = underTest();
    await put(KEY);
    const record = (await recordOf())?.record;
    const current = record?.current;
    if (record === undefined || current === null || current === undefined) throw new Error('There is no credential.');
    const values = new SharedValues({ cache, subkey: Buffer.alloc(32, 6), stores: new Set(['vault']), limitMs: 15 * MINUTES, clock, random: randomBytes });
    const fields = { api_key: new SecretValue(KEY) };
    await values.keep(record, current, fields, { confirmedAt: clock.now(), isStillSo: () => true });
    const [bytes = Buffer.alloc(0)] = [...cache.entries.values()];
    expect((await values.find(record, current))?.fields['api_key']?.reveal()).toBe(KEY);
    for (const other of [{ id: 'cred_another' }, { version: 2 }, { reference: { ...current.reference, version: '9' } }]) expect(await values.find(record, { ...current, ...other })).toBeUndefined();
    for (const other of [{ scope: tenantScope('globex') }, { scope: platformScope }, { service: 'anthropic' }, { label: 'another' }]) {
      const theirs = { ...record, ...other };
      await values.keep(theirs, current, fields, { confirmedAt: clock.now(), isStillSo: () => true });
      const [name = ''] = [...cache.entries.keys()].slice(-1);
      cache.entries.set(name, bytes);
      expect(await values.find(theirs, current)).toBeUndefined();
    }
    const [name = ''] = [...cache.entries.keys()];
    const later = Buffer.from(bytes);
    later.writeBigInt64BE(BigInt(clock.now() + 30 * MINUTES), 8);
    cache.entries.set(name, later);
    expect(await values.find(record, current)).toBeUndefined();
    const elsewhere = new SharedValues({ cache, subkey: Buffer.alloc(32, 7), stores: new Set(['vault']), limitMs: 15 * MINUTES, clock, random: randomBytes });
    expect(await elsewhere.find(record, current)).toBeUndefined();
  });

  it('of yesterday open today, and one that changes while it is laid there is taken away again', async () => {
    const cache = new MemorySharedCache();
    const { put, record: recordOf, clock } = underTest();
    await put(KEY);
    const record = (await recordOf())?.record;
    const current = record?.current;
    if (record === undefined || current === null || current === undefined) throw new Error('There is no credential.');
    const values = new SharedValues({ cache, subkey: Buffer.alloc(32, 6), stores: new Set(['vault']), limitMs: 15 * MINUTES, clock, random: randomBytes });
    const fields = { api_key: new SecretValue(KEY) };
    clock.advance(86_400_000 - (clock.now() % 86_400_000) - MINUTES);
    await values.keep(record, current, fields, { confirmedAt: clock.now(), isStillSo: () => true });
    clock.advance(2 * MINUTES);
    expect((await values.find(record, current))?.ageMs).toBe(2 * MINUTES);
    let asked = 0;
    await values.keep(record, current, fields, { confirmedAt: clock.now(), isStillSo: () => (asked += 1) === 1 });
    expect(cache.entries.size).toBe(0);
  });

  it('S16 of a tenant go with its data keys', async () => {
    const { shared, cache, bus } = underTest();
    await shared();
    await bus.publish({ topic: 'data-key', scopeKey: scopeKey(tenantScope('globex')), id: 'dk_1', version: 1 });
    expect(cache.entries.size).toBe(1);
    await bus.publish({ topic: 'data-key', scopeKey: scopeKey(tenantScope('acme')), id: 'dk_1', version: 1 });
    expect(cache.entries.size).toBe(0);
  });

  it('of the encrypted database, and with no limit, do not exist', async () => {
    const cache = new MemorySharedCache();
    for (const options of [{ staleLimitMs: 15 * MINUTES }, { home: 'vault', staleLimitMs: 0 }] as const) {
      const world = createCredentialWorld({ ...options, sharedCache: cache });
      await world.put(KEY);
      await world.put(NEXT, { scope: platformScope });
      expect(await world.served()).toBe(KEY);
      await setImmediate();
    }
    expect(cache.entries.size).toBe(0);
  });

  it.each(['revoke', 'disable', 'remove'] as const)('in every order of reads, %s, announcements and what the shared place does: a request that begins afterwards never gets the old key', async (change) => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), fc.integer({ min: 1, max: 3 }), fc.boolean(), async (scheduler, requests, isAway) => {
        const { shared, serve, vaultIsAway, cache, as, credentials, resolver, newResolver, bus, metadata } = underTest({});
        const other = await shared();
        const third = newResolver();
        vaultIsAway(isAway);
        let isScheduled = true;
        const gate = async (step: string): Promise<void> => (isScheduled ? scheduler.schedule(Promise.resolve(), step) : undefined);
        cache.gate = gate;
        const list = metadata.credentials.listService.bind(metadata.credentials);
        metadata.credentials.listService = async (...question) => {
          await gate('records asked');
          const found = await list(...question);
          await gate('records answered');
          return found;
        };
        const early = Array.from({ length: requests }, (_, index) => serve([other, third, resolver][index % 3] ?? other));
        const reconnect = scheduler.schedule(Promise.resolve(), 'reconnect').then(() => bus.tell({ topic: 'missed' }));
        const changed = scheduler.schedule(Promise.resolve(), 'change').then(async (): Promise<unknown> => {
          if (change === 'revoke') return as('credential.revoke', (grant) => credentials.revoke(grant));
          if (change === 'remove') return as('credential.delete', (grant) => credentials.remove(grant));
          return as('credential.update', (grant) => credentials.update(grant, { disabled: true }));
        });
        const late = changed.then(() => Promise.all([other, third, resolver, newResolver()].map((replica) => serve(replica))));
        await scheduler.waitFor(Promise.all([...early, reconnect, late]));
        for (const { key } of await late) expect(key).toBeUndefined();
        await scheduler.waitAll();
        isScheduled = false;
        for (const replica of [other, third, resolver, newResolver()]) expect((await serve(replica)).key).toBeUndefined();
        await setImmediate();
        await scheduler.waitAll();
        expect(cache.entries.size).toBe(0);
      }),
      { numRuns: 100 },
    );
  });
});
