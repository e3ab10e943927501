import { describe, expect, it } from 'vitest';
import { createCredentialWorld, noMetrics, repeatableRandom, TestClock } from '../../../test/support/credential-world.ts';
import { RecordingLog } from '../../../test/support/recording-log.ts';
import { createMemorySecretStore } from '../../adapters/secret-store/memory/memory-secret-store.ts';
import { KeyholdError } from '../../ports/errors.ts';
import { tenantScope } from '../../ports/scope.ts';
import { SecretValue } from '../../ports/secret-value.ts';
import type { Source } from './source.ts';
import { Sources } from './sources.ts';
import { watchedStore } from './watched-store.ts';

const away = new KeyholdError('unavailable', 'It cannot be reached.', { outage: 'network' });
const well = async () => ({ connected: true, latencyMs: 1 });

function underTest() {
  const clock = new TestClock();
  const log = new RecordingLog();
  const sources = new Sources({ staleLimitMs: 900_000, ping: async () => undefined, clock, random: repeatableRandom(), log, metrics: noMetrics });
  return { clock, log, sources };
}

async function lose(source: Source): Promise<void> {
  while (!source.isAway) await source.run(() => Promise.reject(away)).catch(() => undefined);
}

describe('places that are read from', () => {
  it('S20 one tenant\'s vault that is away is nobody else\'s outage', async () => {
    const { sources } = underTest();
    const [acme, other, vault] = [sources.of('vault:acme/v1', well), sources.of('vault:other/v1', well), sources.of('vault', well)];
    await lose(acme);
    expect([acme.isAway, other.isAway, vault.isAway, sources.database.isAway]).toEqual([true, false, false, false]);
    expect(sources.of('vault:acme/v1', well)).toBe(acme);
  });

  it('S20 a vault that never comes back costs everybody else nothing once nothing of it serves', async () => {
    const { sources, clock } = underTest();
    const acme = sources.of('vault:acme/v1', well);
    await lose(acme);
    expect(sources.areWell).toBe(true);
    acme.outlived();
    expect(sources.areWell).toBe(false);
    clock.advance(20_000);
    expect([acme.isAway, sources.areWell]).toEqual([true, true]);
  });

  it('the encrypted database is the database, and without it no vault is read, since that is audited first (R10.3)', async () => {
    const { sources, log } = underTest();
    const vault = sources.of('vault', well);
    expect(sources.of('sealed', well)).toBe(sources.database);
    await lose(sources.database);
    expect([vault.isAway, vault.turn(), vault.awayError().publicMessage]).toEqual([true, false, expect.stringContaining('The database does not answer')]);
    vault.servedStale(11_000);
    expect(log.of('serving_stale').map(({ fields }) => fields.name)).toEqual(['database']);
  });

  it('are well again after a while, and cost nothing while they are', async () => {
    const { sources, clock } = underTest();
    expect(sources.areWell).toBe(true);
    await lose(sources.database);
    sources.database.outlived();
    expect(sources.areWell).toBe(false);
    await sources.database.run(async () => 'back');
    clock.advance(20_000);
    expect(sources.areWell).toBe(true);
  });

  it('reads are repeated within a tenth of all reads, and not at all where that cannot help', async () => {
    const { sources } = underTest();
    const failing = sources.of('vault', well);
    let asked = 0;
    const ask = (outage: 'failing' | 'busy') =>
      failing.run(async () => {
        asked += 1;
        throw new KeyholdError('unavailable', 'It fails.', { outage });
      });
    for (let read = 0; read < 100; read += 1) await ask('busy').catch(() => undefined);
    expect(asked).toBe(100);
    for (let read = 0; read < 100; read += 1) await ask('failing').catch(() => undefined);
    expect(asked).toBeLessThanOrEqual(100 + 100 + 10 + 10);
    expect(failing.isAway).toBe(false);
  });

  it('a read that fails once is repeated, and nobody notices', async () => {
    const { sources } = underTest();
    const store = createMemorySecretStore({ kind: 'vault' });
    const name = { scope: tenantScope('acme'), service: 'openai', label: 'default' };
    const reference = await store.put(name, { api_key: new SecretValue('sk-test-repeated-00000001') }, { id: 'one', version: 1, cas: null, digest: '' });
    store.failNext(1, away, { operation: 'get' });
    const watched = watchedStore(store, sources.of('vault', well));
    expect((await watched.get(reference))['api_key']?.reveal()).toBe('sk-test-repeated-00000001');
    expect(store.calls.get).toBe(2);
  });

  it('whoever asks how a store is finds it again', async () => {
    const { sources } = underTest();
    const store = createMemorySecretStore({ kind: 'vault' });
    const source = sources.of('vault', well);
    await lose(source);
    store.isAway = true;
    await watchedStore(store, source).health();
    expect(source.isAway).toBe(true);
    store.isAway = false;
    await watchedStore(store, source).health();
    expect(source.isAway).toBe(false);
  });

  it('one that says it is well, and answers no read, is believed once: nobody waits for it each time somebody looks', async () => {
    const { sources, clock } = underTest();
    const source = sources.of('vault', well);
    const silent = new KeyholdError('unavailable', 'It does not answer in time.', { outage: 'timeout' });
    const loseAgain = async (): Promise<void> => {
      while (!source.isAway) await source.run(() => Promise.reject(silent)).catch(() => undefined);
    };
    const seenAlive = (): boolean => {
      source.seenAlive();
      return !source.isAway;
    };
    await loseAgain();
    clock.advance(5_000);
    expect(seenAlive()).toBe(true);
    await loseAgain();
    clock.advance(5_000);
    expect(seenAlive()).toBe(false);
    await source.run(async () => 'read');
    expect(source.isAway).toBe(false);
    await loseAgain();
    expect(seenAlive()).toBe(true);
  });

  it('a put is not repeated', async () => {
    const world = createCredentialWorld({ home: 'vault', staleLimitMs: 900_000 });
    world.store.failNext(1, away, { operation: 'put' });
    await expect(world.put('sk-test-put-once-000000001')).rejects.toMatchObject({ code: 'unavailable' });
    expect(world.store.calls.put).toBe(1);
  });
});
