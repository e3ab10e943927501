import { describe, expect, it } from 'vitest';
import { codeOf, createCredentialWorld, testServices } from '../../../test/support/credential-world.ts';
import { eventually } from '../../../test/support/eventually.ts';
import { MemorySharedCache } from '../../../test/support/memory-shared-cache.ts';
import { KeyholdError, type OutageReason } from '../../ports/errors.ts';
import { platformScope, scopeKey, tenantScope } from '../../ports/scope.ts';
import { Staleness } from './staleness.ts';

const KEY = 'sk-test-outlives-0123456789';
const SECONDS = 1_000;
const MINUTES = 60_000;
const noDatabase = new KeyholdError('unavailable', 'The database cannot answer now.');

function underTest() {
  const sharedCache = new MemorySharedCache();
  const world = createCredentialWorld({ home: 'vault', staleLimitMs: 15 * MINUTES, sharedCache });
  const { sources, resolver } = world;
  if (sources === undefined) throw new Error('The world has no sources.');
  const callers = { staleMs: () => 0 };
  const staleness = new Staleness({ sources, principals: callers, tenantStates: callers, seal: callers, resolver });
  /** What is served, and what its `x-keyhold-stale` is. */
  const served = async (): Promise<readonly [key: string | undefined, staleSeconds: number]> => {
    const resolved = await resolver.resolve(await world.use(), { service: testServices.openai });
    return [resolved.fields['api_key']?.reveal(), staleness.secondsOf(resolved, 'acme', 0)];
  };
  const vaultIs = (outage: OutageReason | undefined): void => {
    world.store.isAway = outage !== undefined;
    world.store.failNext(outage === undefined ? 0 : Infinity, new KeyholdError('unavailable', 'Vault is away.', { outage }), { operation: 'get' });
  };
  /** Another process, which has read nothing yet, and may use what this one has read from the vault. */
  const servedElsewhere = async (): Promise<() => Promise<string | undefined>> => {
    await served();
    await eventually(async () => sharedCache.entries.size > 0, () => 'Nothing is shared.');
    const other = world.newResolver();
    return async () => (await other.resolve(await world.use(), { service: testServices.openai })).fields['api_key']?.reveal();
  };
  return { ...world, staleness, served, servedElsewhere, vaultIs };
}

const refused = new KeyholdError('unavailable', 'Vault does not let us in.', { outage: 'refused' });

describe('a secret store that cannot be read', () => {
  it.each(['network', 'timeout', 'failing', 'sealed', 'busy', 'resting'] as const)('%s: the value serves on, says how old it is, and is confirmed when that is over', async (outage) => {
    const { put, served, vaultIs, clock, store } = underTest();
    await put(KEY);
    expect(await served()).toEqual([KEY, 0]);
    clock.advance(5 * MINUTES);
    vaultIs(outage);
    expect(await served()).toEqual([KEY, 300]);
    clock.advance(9 * MINUTES + 59 * SECONDS);
    expect(await served()).toEqual([KEY, 899]);
    const before = store.calls.get;
    for (let request = 0; request < 200; request += 1) expect((await served())[0]).toBe(KEY);
    expect(store.calls.get - before).toBeLessThanOrEqual(1);
    vaultIs(undefined);
    clock.advance(500);
    // The first to come after the outage is still served at once; what it found out serves from then on.
    await served();
    for (let second = 0; second < 20 && (await served())[1] !== 0; second += 1) clock.advance(100);
    expect(await served()).toEqual([KEY, 0]);
  });

  it.each([0, 299])('an outage of ten minutes that begins %i s after the value was read fails no request of a key in use', async (begins) => {
    const { put, served, vaultIs, clock } = underTest();
    await put(KEY);
    for (let second = 0; second < begins; second += 1) {
      expect(await served()).toEqual([KEY, 0]);
      clock.advance(SECONDS);
    }
    await served();
    vaultIs('network');
    for (let second = 0; second < 600 + 10; second += 1) {
      clock.advance(SECONDS);
      expect((await served())[0]).toBe(KEY);
    }
  });

  it.each(['busy', 'failing'] as const)('R1.4 %s: is asked less and less for the same key', async (outage) => {
    const { put, served, vaultIs, clock, store } = underTest();
    await put(KEY);
    await served();
    vaultIs(outage);
    clock.advance(5 * MINUTES);
    const before = store.calls.get;
    for (let second = 0; second < 599; second += 1) {
      expect((await served())[0]).toBe(KEY);
      clock.advance(SECONDS);
    }
    // Every two seconds were 300.
    expect(store.calls.get - before).toBeLessThan(60);
  });

  it('dify#39933: beyond the limit it is unavailable, and never a wrong or an absent key', async () => {
    const { put, served, vaultIs, clock } = underTest();
    await put(KEY);
    await served();
    vaultIs('network');
    clock.advance(15 * MINUTES);
    expect(await codeOf(served())).toBe('unavailable');
  });

  it('that does not let us in, and an access that was denied after a fresh sign-in, end the value', async () => {
    for (const error of [new KeyholdError('unavailable', 'Vault does not let us in.', { outage: 'refused' }), new KeyholdError('permission_denied', 'no policy')]) {
      const { put, served, store, clock } = underTest();
      await put(KEY);
      await served();
      clock.advance(5 * MINUTES);
      store.failNext(Infinity, error, { operation: 'get' });
      expect(await codeOf(served())).toBe('unavailable');
    }
  });

  it.each([
    ['does not let us in', refused, 'us'],
    ['denies us after a fresh sign-in', new KeyholdError('permission_denied', 'no policy'), 'the question'],
  ] as const)('S19 that %s, and takes its time to say so, is not away: nothing serves, also not what others have read', async (_how, error, refuses) => {
    const { put, servedElsewhere, store, clock, sources } = underTest();
    await put(KEY);
    const elsewhere = await servedElsewhere();
    clock.advance(6 * MINUTES);
    store.refuses = refuses;
    // Longer than anybody waits without asking whether somebody is there.
    store.delayMs = 500;
    store.failNext(Infinity, error, { operation: 'get' });
    expect(await codeOf(elsewhere())).toBe('unavailable');
    expect(await codeOf(elsewhere())).toBe('unavailable');
    expect(sources?.of('vault', () => store.health()).isAway).toBe(false);
  });

  it('S19 that did not let us in and is away since: nothing serves until it lets us in again', async () => {
    const { put, served, servedElsewhere, store, vaultIs, clock } = underTest();
    await put(KEY);
    const elsewhere = await servedElsewhere();
    clock.advance(6 * MINUTES);
    store.failNext(1, refused, { operation: 'get' });
    expect(await codeOf(elsewhere())).toBe('unavailable');
    vaultIs('network');
    for (let request = 0; request < 5; request += 1) {
      expect(await codeOf(elsewhere())).toBe('unavailable');
      expect(await codeOf(served())).toBe('unavailable');
    }
    vaultIs(undefined);
    clock.advance(10 * SECONDS);
    expect(await elsewhere()).toBe(KEY);
    clock.advance(6 * MINUTES);
    vaultIs('network');
    expect(await elsewhere()).toBe(KEY);
  });

  it('that answers one key in a way we do not know serves the others through an outage', async () => {
    const { put, served, servedElsewhere, store, vaultIs, clock } = underTest();
    await put(KEY);
    const elsewhere = await servedElsewhere();
    clock.advance(6 * MINUTES);
    store.failNext(1, new KeyholdError('unavailable', 'Nobody answers so.', { outage: 'strange' }), { operation: 'get' });
    expect(await codeOf(elsewhere())).toBe('unavailable');
    vaultIs('network');
    expect(await served()).toEqual([KEY, 360]);
  });

  it('whose value is destroyed: corrupt, not the old value', async () => {
    const { put, served, store, clock, record } = underTest();
    await put(KEY);
    await served();
    clock.advance(5 * MINUTES);
    const reference = (await record())?.record.current?.reference;
    if (reference !== undefined) await store.destroy(reference);
    expect(await codeOf(served())).toBe('corrupt');
  });

  it('S10 a key that is revoked meanwhile serves no more', async () => {
    const { put, served, vaultIs, clock, as, credentials } = underTest();
    await put(KEY);
    await served();
    clock.advance(5 * MINUTES);
    vaultIs('network');
    expect((await served())[0]).toBe(KEY);
    await as('credential.revoke', (grant) => credentials.revoke(grant));
    expect(await codeOf(served())).toBe('no_credential');
  });
});

describe('a database that cannot be read', () => {
  it('cached keys serve on, also their values, which without the audit log cannot be read again (R10.3)', async () => {
    const { put, served, clock, databaseState, store, log } = underTest();
    await put(KEY);
    await served();
    clock.advance(11 * SECONDS);
    databaseState.fault = noDatabase;
    expect(await served()).toEqual([KEY, 11]);
    clock.advance(5 * MINUTES);
    const before = store.calls.get;
    expect(await served()).toEqual([KEY, 311]);
    expect(store.calls.get).toBe(before);
    expect(log.of('serving_stale').map(({ fields }) => fields.name)).toEqual(['database', 'database']);
    clock.advance(15 * MINUTES);
    expect(await codeOf(served())).toBe('unavailable');
  });

  it('a tenant that the platform\'s key serves goes on with it', async () => {
    const { put, served, clock, databaseState } = underTest();
    await put(KEY, { scope: platformScope });
    await served();
    clock.advance(11 * SECONDS);
    databaseState.fault = noDatabase;
    expect(await served()).toEqual([KEY, 11]);
  });

  it('«no such key» and «disabled» are never told from what may not be so any more', async () => {
    const { put, served, clock, databaseState, as, credentials } = underTest();
    expect(await codeOf(served())).toBe('no_credential');
    await put(KEY);
    await as('credential.update', (grant) => credentials.update(grant, { disabled: true }));
    expect(await codeOf(served())).toBe('no_credential');
    clock.advance(11 * SECONDS);
    databaseState.fault = noDatabase;
    expect(await codeOf(served())).toBe('unavailable');
  });

  it('nor is it told then that a value is gone, which may be back by now', async () => {
    const { put, served, clock, databaseState, record, store } = underTest();
    await put(KEY);
    const reference = (await record())?.record.current?.reference;
    if (reference !== undefined) await store.destroy(reference);
    expect(await codeOf(served())).toBe('corrupt');
    clock.advance(SECONDS);
    databaseState.fault = noDatabase;
    expect(await codeOf(served())).toBe('unavailable');
  });

  it('S10 S32 what was announced to have changed is not served, although the change cannot be read', async () => {
    const { put, served, clock, databaseState, bus } = underTest();
    await put(KEY);
    await served();
    clock.advance(11 * SECONDS);
    databaseState.fault = noDatabase;
    expect((await served())[0]).toBe(KEY);
    await bus.publish({ topic: 'credential', scopeKey: scopeKey(tenantScope('acme')), service: 'openai', label: 'default', version: 99 });
    expect(await codeOf(served())).toBe('unavailable');
  });

  it('S11 a key that the provider refuses is asked for again, and serves on where that is not possible', async () => {
    const { put, served, clock, databaseState, resolver, use } = underTest();
    await put(KEY);
    const resolved = await resolver.resolve(await use(), { service: testServices.openai });
    databaseState.fault = noDatabase;
    clock.advance(SECONDS);
    expect(await resolver.refreshAfterRefusal(resolved)).toBeUndefined();
    expect(await served()).toEqual([KEY, 1]);
  });
});
