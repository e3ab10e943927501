import { beforeEach, describe, expect, it } from 'vitest';
import { codeOf, type CredentialWorld, createCredentialWorld } from '../../../test/support/credential-world.ts';
import { KeyholdError } from '../../ports/errors.ts';
import { StoreUntouched } from '../../ports/secret-store.ts';
import { SecretValue } from '../../ports/secret-value.ts';
import type { CredentialStep } from './steps.ts';

const FIRST = 'sk-test-first-0123456789';
const SECOND = 'sk-test-second-0123456789';
const THIRD = 'sk-test-third-0123456789';
const MINUTE = 60_000;

let world: CredentialWorld;
beforeEach(() => {
  world = createCredentialWorld({ home: 'vault', fallback: true });
});

const get = () => world.as('credential.read', (grant) => world.credentials.get(grant));
const disable = () => world.as('credential.update', (grant) => world.credentials.update(grant, { disabled: true }));
const remove = () => world.as('credential.delete', (grant) => world.credentials.remove(grant));
const recover = () => world.as('credential.recover', (grant) => world.credentials.recover(grant));
const revoke = () => world.as('credential.revoke', (grant) => world.credentials.revoke(grant));

function kept(): { readonly vault: number; readonly database: number } {
  return { vault: world.store.keptVersions(), database: world.database.keptVersions() };
}

async function reconcileLater(): Promise<void> {
  world.clock.advance(2 * MINUTE);
  expect((await world.reconcile()).failed).toBe(0);
}

/** Handed over while Vault was away; Vault is back. */
async function stored(key = FIRST): Promise<void> {
  world.store.isAway = true;
  await world.put(key);
  world.store.isAway = false;
}

describe('R3.5 a vault that is away at write time, with the fallback switched on', () => {
  it('stores in the encrypted database, and says so', async () => {
    world.store.isAway = true;
    const { credential } = await world.put(FIRST);
    expect(credential).toMatchObject({ storedIn: 'sealed', warnings: [expect.stringContaining('moves by itself when HashiCorp Vault is back')] });
    expect([await world.served(), kept()]).toEqual([FIRST, { vault: 0, database: 1 }]);
    expect(world.log.of('stored_in_fallback')).toMatchObject([{ level: 'warn', fields: { tenantId: 'acme', provider: 'openai' } }]);
    expect(world.log.of('tenant-ai-credentials.added')).toMatchObject([{ fields: { storedIn: 'database' } }]);
    expect(world.waiting.of('vault')).toBe(1);
  });

  it('stores there, too, when the vault says in the middle that nothing reached it', async () => {
    world.store.failNext(1, new StoreUntouched('sealed just now'), { operation: 'put' });
    expect((await world.put(FIRST)).credential.storedIn).toBe('sealed');
    expect(await world.served()).toBe(FIRST);
  });

  it.each(['before', 'after'] as const)('is refused whole when the value may still arrive in the vault (the put fails %s it happened)', async (when) => {
    world.store.failNext(1, new KeyholdError('unavailable', 'no answer'), { operation: 'put', after: when === 'after' });
    expect(await codeOf(world.put(FIRST))).toBe('unavailable');
    expect(kept().database).toBe(0);
    // Nor while the vault cannot prove what became of the first.
    world.store.isAway = true;
    world.clock.advance(MINUTE);
    world.store.failNext(5, new StoreUntouched('away'), { operation: 'probe' });
    expect(await codeOf(world.put(SECOND))).toBe('unavailable');
    expect(kept().database).toBe(0);
    world.store.failNext(0, new StoreUntouched('away'));
    expect((await world.put(SECOND)).credential.storedIn).toBe('sealed');
    expect(await world.served()).toBe(SECOND);
    world.store.isAway = false;
    await reconcileLater();
    await reconcileLater();
    expect([await world.served(), kept()]).toEqual([SECOND, { vault: 1, database: 0 }]);
  });

  it.each([['permission_denied', 'unavailable'], ['conflict', 'conflict'], ['invalid_argument', 'invalid_argument']] as const)('a vault that answers %s is not away', async (code, answer) => {
    world.store.failNext(1, new KeyholdError(code, 'no'), { operation: 'put' });
    expect(await codeOf(world.put(FIRST))).toBe(answer);
    expect([kept().database, (await world.record())?.record.intent]).toEqual([0, null]);
  });

  it('without the fallback it is 503 and nothing half-written', async () => {
    world = createCredentialWorld({ home: 'vault' });
    world.store.isAway = true;
    expect(await codeOf(world.put(FIRST))).toBe('unavailable');
    expect([await world.record(), kept()]).toEqual([undefined, { vault: 0, database: 0 }]);
  });

  it('replaces a key that lies in the vault, which is destroyed there when the vault is back', async () => {
    await world.put(FIRST);
    world.store.isAway = true;
    await world.put(SECOND);
    await reconcileLater();
    expect([await world.served(), kept()]).toEqual([SECOND, { vault: 1, database: 1 }]);
    world.store.isAway = false;
    await reconcileLater();
    await reconcileLater();
    expect([await world.served(), kept()]).toEqual([SECOND, { vault: 1, database: 0 }]);
  });

  it('stores over a deleted key whose removal the vault still owes', async () => {
    await world.put(FIRST);
    world.store.isAway = true;
    world.store.failNext(9, new StoreUntouched('away'));
    await remove();
    world.clock.advance(MINUTE);
    expect(await world.put(SECOND)).toMatchObject({ created: true, credential: { storedIn: 'sealed' } });
    world.store.failNext(0, new StoreUntouched('away'));
    world.store.isAway = false;
    await reconcileLater();
    await reconcileLater();
    expect([await world.served(), kept()]).toEqual([SECOND, { vault: 1, database: 0 }]);
  });
});

describe('R3.5 the vault is back', () => {
  it('the value moves there, audited, is read back, and is destroyed in the database after it', async () => {
    await stored();
    const before = await get();
    await world.reconcile();
    expect(await get()).toMatchObject({ storedIn: 'vault', id: before.id, version: before.version, hints: before.hints, settings: before.settings });
    expect((await get()).etag).not.toBe(before.etag);
    expect([await world.served(), kept()]).toEqual([FIRST, { vault: 1, database: 1 }]);
    expect(world.store.calls.get).toBeGreaterThan(0);
    expect(world.audit.countOf('credential.move')).toBe(1);
    expect(world.log.of('credential_moved')).toMatchObject([{ level: 'info', fields: { storedIn: 'vault', removedFrom: 'database' } }]);
    await reconcileLater();
    expect([await world.served(), kept()]).toEqual([FIRST, { vault: 1, database: 0 }]);
    expect(world.audit.countOf('credential.move')).toBe(1);
  });

  it('how many wait is logged when it changes, and counted', async () => {
    world.store.isAway = true;
    for (const label of ['one', 'two', 'three']) await world.put(FIRST, { label });
    await world.reconcile();
    await world.reconcile();
    expect([world.waiting.of('vault'), world.log.of('values_waiting')]).toMatchObject([3, [{ level: 'warn', fields: { count: 3, storedIn: 'vault' } }]]);
    expect(world.audit.countOf('credential.move')).toBe(0);
    world.store.isAway = false;
    await world.reconcile();
    expect([world.waiting.of('vault'), world.log.of('values_waiting').at(-1)]).toMatchObject([0, { level: 'info', fields: { count: 0 } }]);
  });

  it('a start does not wait for moves, and the vault being off leaves them waiting', async () => {
    await stored();
    await world.reconcile({ allOpenIntents: true });
    expect([(await get()).storedIn, world.waiting.of('vault')]).toEqual(['sealed', 1]);
    world.switchedOn.delete('vault');
    expect(await world.reconcile()).toEqual({ finished: 0, failed: 0 });
    expect([(await get()).storedIn, await world.served()]).toEqual(['sealed', FIRST]);
  });

  it('a value that is handed over to the database on purpose stays there', async () => {
    world.storeIn('sealed');
    await world.put(FIRST);
    await reconcileLater();
    expect((await get()).storedIn).toBe('sealed');
  });

  it('what arrives as something else stays where it was, and is destroyed in the vault', async () => {
    await stored();
    const put = world.store.put.bind(world.store);
    world.store.put = (name, _fields, intent) => put(name, { api_key: new SecretValue('sk-test-mangled-0123456789') }, intent);
    expect((await world.reconcile()).failed).toBe(1);
    expect([await world.served(), (await get()).storedIn, kept()]).toEqual([FIRST, 'sealed', { vault: 0, database: 1 }]);
    expect((await world.record())?.record.intent).toBe(null);
    world.store.put = put;
    await reconcileLater();
    expect([await world.served(), (await get()).storedIn]).toEqual([FIRST, 'vault']);
  });

  it('a value of the same name that somebody wrote into the vault meanwhile is replaced, and told of', async () => {
    await stored();
    const name = { scope: { kind: 'tenant', tenant: 'acme' }, service: 'openai', label: 'default' } as const;
    for (let version = 1; version <= 2; version += 1) world.store.writeOutside(name, { api_key: new SecretValue('sk-test-by-hand-0123456789') });
    await world.reconcile();
    expect([await world.served(), (await get()).storedIn]).toEqual([FIRST, 'vault']);
    expect(world.log.of('changed_outside')).toMatchObject([{ level: 'warn' }]);
  });

  it('disabling does not wait for a move that is under way; a new key does', async () => {
    await stored();
    world.atSteps(async (step) => {
      if (step !== 'move.stored') return;
      expect(await disable()).toMatchObject({ state: 'disabled' });
      expect(await codeOf(world.put(SECOND))).toBe('conflict');
    });
    await world.reconcile();
    world.atSteps(undefined);
    expect(await get()).toMatchObject({ state: 'disabled', storedIn: 'vault' });
  });

  it('a revocation does not wait for a move, and what the move put is destroyed', async () => {
    for (const at of ['move.begun', 'move.stored', 'move.verified', 'move.committed'] as const) {
      await stored();
      world.atSteps(async (step) => {
        if (step === at) await revoke();
      });
      await world.reconcile();
      world.atSteps(undefined);
      await reconcileLater();
      expect([at, (await get()).state, kept()]).toEqual([at, 'revoked', { vault: 0, database: 0 }]);
    }
  });

  it('a deleted one moves after it has been recovered', async () => {
    await stored();
    await remove();
    await reconcileLater();
    expect((await get()).storedIn).toBe('sealed');
    await recover();
    await reconcileLater();
    expect([(await get()).storedIn, await world.served()]).toEqual(['vault', FIRST]);
  });

  const crashes: readonly (readonly [CredentialStep, 'sealed' | 'vault'])[] = [
    ['move.begun', 'sealed'],
    ['move.stored', 'vault'],
    ['move.verified', 'vault'],
    ['move.committed', 'vault'],
    ['move.announced', 'vault'],
  ];

  it.each(crashes)('a process that dies at %s leaves the key serving, in %s after the next start', async (step, storedIn) => {
    await stored();
    world.crashAt(step);
    expect((await world.reconcile()).failed).toBe(1);
    world.crashAt(undefined);
    world.resolver = world.newResolver();
    expect(await world.served()).toBe(FIRST);
    await world.reconcile({ allOpenIntents: true });
    expect([await world.served(), (await get()).storedIn, (await world.record())?.record.intent]).toEqual([FIRST, storedIn, null]);
    await reconcileLater();
    await reconcileLater();
    expect([await world.served(), (await get()).storedIn, kept()]).toEqual([FIRST, 'vault', { vault: 1, database: 0 }]);
  });

  it('a move that the vault leaves without an answer is finished by proof, and nothing else is written before', async () => {
    await stored();
    world.store.failNext(1, new KeyholdError('unavailable', 'no answer'), { operation: 'put', after: true });
    expect((await world.reconcile()).failed).toBe(1);
    world.store.isAway = true;
    world.store.failNext(5, new StoreUntouched('away'), { operation: 'probe' });
    world.clock.advance(MINUTE);
    expect(await codeOf(world.put(THIRD))).toBe('unavailable');
    expect(await world.served()).toBe(FIRST);
    world.store.failNext(0, new StoreUntouched('away'));
    world.store.isAway = false;
    await world.reconcile();
    expect([await world.served(), (await get()).storedIn]).toEqual([FIRST, 'vault']);
  });
});
