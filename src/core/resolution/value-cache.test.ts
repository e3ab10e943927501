import { describe, expect, it } from 'vitest';
import { createCredentialWorld } from '../../../test/support/credential-world.ts';
import { createMetrics } from '../../adapters/metrics/prometheus.ts';
import type { CurrentVersion } from '../../ports/metadata/credentials.ts';
import { tenantScope } from '../../ports/scope.ts';
import { SecretValue } from '../../ports/secret-value.ts';
import { credentialKey } from '../credentials/credential-key.ts';
import { emptyRecord } from '../credentials/record-changes.ts';
import { CredentialValues } from './credential-values.ts';

const KEY = 'sk-test-cached-0123456789';
const SECOND = 'sk-test-second-0123456789';
const MINUTES = 60_000;

describe('R3.10 values in memory', () => {
  it('after 1,000 cached keys expire at once, the store sees each key once, however many ask', async () => {
    const { clock, bus, log, access, store, use } = createCredentialWorld({ home: 'vault' });
    const values = new CredentialValues({ access, stores: () => store, bus, clock, log, metrics: createMetrics() });
    const kept = await Promise.all(
      Array.from({ length: 1000 }, async (_, index) => {
        const tenant = `tenant-${index}`;
        const key = credentialKey({ scope: tenantScope(tenant), service: 'openai' });
        const reference = await store.put(key, { api_key: new SecretValue(`${KEY}-${index}`) }, { id: tenant, version: 1, cas: null, digest: '' });
        const current: CurrentVersion = { id: `cred_${index}`, version: 1, fields: [{ name: 'api_key', hint: '' }], settings: {}, createdAt: 0, createdBy: 'test', reference };
        return { grant: await use(tenant), record: { ...emptyRecord(key, 0), state: 'active' as const, current, version: 1 }, current };
      }),
    );
    const askAll = async (): Promise<void> => {
      const served = await Promise.all([...kept, ...kept, ...kept].map(async ({ grant, record, current }) => (await values.of(grant, record, current))['api_key']?.reveal()));
      expect(served.slice(0, 1000)).toEqual(kept.map((_, index) => `${KEY}-${index}`));
    };
    await askAll();
    expect(store.calls.get).toBe(1000);
    clock.advance(5 * MINUTES - 1);
    await askAll();
    expect(store.calls.get).toBe(1000);
    clock.advance(1);
    store.delayMs = 5;
    await askAll();
    expect(store.calls.get).toBe(2000);
  });

  it.each([
    ['azure-key-vault', 20_000],
    ['vault', 5 * MINUTES],
  ] as const)('R1.1 KEY_VAULT_CACHE_TTL says how long a value from Key Vault serves, and nothing of other stores: %s, %i ms', async (home, ttlMs) => {
    const { clock, bus, log, access, store, put, record, use } = createCredentialWorld({ home });
    await put(KEY);
    const found = (await record())?.record;
    if (found === undefined || found.current === null) throw new Error('There is no version.');
    const { current } = found;
    const values = new CredentialValues({ access, stores: () => store, bus, clock, log, metrics: createMetrics(), valueTtlMs: { 'azure-key-vault': 20_000 } });
    const servedAfter = async (ms: number): Promise<readonly unknown[]> => {
      clock.advance(ms);
      return [(await values.of(await use(), found, current))['api_key']?.reveal(), store.calls.get];
    };
    expect([await servedAfter(0), await servedAfter(ttlMs - 1), await servedAfter(1)]).toEqual([[KEY, 1], [KEY, 1], [KEY, 2]]);
  });

  it('are known by store and version: a value that moved is read once from its new place', async () => {
    const world = createCredentialWorld({ home: 'vault', fallback: true });
    world.store.isAway = true;
    await world.put(KEY);
    world.store.isAway = false;
    expect([await world.served(), await world.served(), world.database.calls.get]).toEqual([KEY, KEY, 1]);
    await world.reconcile();
    const readByTheMove = world.store.calls.get;
    expect([await world.served(), await world.served(), world.store.calls.get - readByTheMove]).toEqual([KEY, KEY, 1]);
    await world.put(SECOND);
    expect(await world.served()).toBe(SECOND);
  });

  it.each([
    ['azure-key-vault', 'Key Vault'],
    ['vault', 'Vault'],
    ['sealed', 'encrypted database'],
  ] as const)('R3.9 a read from %s is logged as from %s, and a cached one at debug, by name only', async (home, word) => {
    const world = createCredentialWorld({ home });
    await world.put(KEY);
    await world.served();
    await world.served();
    expect(world.log.of('secret_retrieved')).toMatchObject([{ level: 'info', msg: `Retrieved API key from ${word}: tenants/acme/openai` }]);
    expect(world.log.of('secret_cache_hit')).toMatchObject([{ level: 'debug', msg: 'Cache hit for secret: tenants/acme/openai' }]);
    expect(JSON.stringify(world.log.lines)).not.toContain(KEY);
  });
});
