import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { handOver, type TestTenant } from '../support/api.ts';
import { until } from '../support/outcome.ts';
import { type Fault, type FaultProxy, startFaultProxy } from '../support/servers/fault-proxy.ts';
import { describeWithVault } from '../support/servers/with-vault.ts';
import { readStoredState } from '../support/stored-state.ts';
import { tenantWithKey } from '../support/store-world.ts';
import { pathOf, startVaultWorld, type VaultWorld, versionsInVault } from '../support/vault-world.ts';

const FIRST = 'sk-test-first-key-00000001';
const SECOND = 'sk-test-second-key-0000002';
const OWN = 'sk-test-own-key-in-vault-1';
const OWN_HERE = 'sk-test-own-key-in-the-env';

let world: VaultWorld;
let proxy: FaultProxy;
let tenants = 0;

async function get(path: string): Promise<Record<string, unknown>> {
  return (await (await fetch(world.product().url + path)).json()) as Record<string, unknown>;
}

/** How Keyhold says that Vault is: to an orchestrator, to the documented script, and to its log. */
async function standing(): Promise<{ readonly ready: unknown; readonly connected: unknown }> {
  const [ready, health] = await Promise.all([get('/readyz'), get('/api/v1/health')]);
  return { ready, connected: (health['secrets'] as { readonly vault_connected: boolean }).vault_connected };
}

const well = { ready: { ready: true, degraded: [] }, connected: true };
const away = { ready: { ready: true, degraded: ['vault'] }, connected: false };

async function untilStanding(expected: object): Promise<void> {
  await until(`Keyhold says ${JSON.stringify(expected)}`, async () => JSON.stringify(await standing()) === JSON.stringify(expected), 60_000);
}

function events(from: number): readonly unknown[] {
  return world.product().logLines().slice(from).map(({ event }) => event);
}

async function newTenant(key?: string): Promise<TestTenant> {
  tenants += 1;
  return key === undefined ? world.tenant(`tenant-${tenants}`) : tenantWithKey(world, `tenant-${tenants}`, key);
}

/** A credential that has been tried to store in vain has left nothing: no record, no intent, no value. */
async function nothingHalfWritten({ id }: TestTenant): Promise<void> {
  const record = readStoredState(world.dataDir).credentials.find(({ scope }) => scope.kind === 'tenant' && scope.tenant === id);
  expect(record?.intent ?? null).toBeNull();
  expect(record?.current ?? null).toBeNull();
  expect((await versionsInVault(world.vault, pathOf({ id }))).filter(({ state }) => state !== 'destroyed')).toEqual([]);
}

interface Outage {
  readonly name: string;
  readonly begin: () => Promise<void> | void;
  readonly end: () => Promise<void> | void;
  /** It is no outage: Vault is there, and lets nothing happen. */
  readonly stays?: boolean;
}

function through(name: string, fault: Fault): Outage {
  return { name, begin: () => proxy.break(fault), end: () => proxy.heal() };
}

describeWithVault('Vault is away (R3.5, R2.3)', () => {
  beforeAll(async () => {
    world = await startVaultWorld({ storage: 'file' });
    proxy = await startFaultProxy(world.vault.address);
    await world.cli('kv', 'put', 'secret/ai-gateway', `OPENAI_API_KEY=${OWN}`);
  });
  afterAll(async () => {
    await world.close();
    await proxy.close();
  });
  afterEach(() => proxy.heal());

  describe('at the start', () => {
    it('the process starts, serves what it can, says so, and recovers by itself', async () => {
      await world.start({ env: { VAULT_ADDR: proxy.url } });
      const tenant = await newTenant(FIRST);
      const keyless = await newTenant();
      await world.product().stop();

      proxy.break({ kind: 'drop-request' });
      await world.start({ env: { VAULT_ADDR: proxy.url, OPENAI_API_KEY: OWN_HERE } });
      const lines = world.product().logLines().map(({ level, event, msg }) => [level, event, msg]);
      expect(lines).toContainEqual(['error', 'vault_connection_failed', expect.stringContaining(proxy.url)]);
      expect(lines).toContainEqual(['info', 'own_keys_from_environment', 'Using environment variables for secrets']);
      expect(lines).toContainEqual(['warn', 'secret_store_unavailable', expect.stringContaining('HashiCorp Vault service is not available yet')]);
      expect(await standing()).toEqual(away);
      expect((await world.platform().must('GET', '/api/brain/vault/health')).body).toMatchObject({ status: 'unavailable', stores: [{ id: 'vault', connected: false }, { id: 'sealed', connected: true }] });
      expect(await world.ask(tenant.gatewayKey)).toMatchObject({ status: 503, code: 'unavailable', key: null });
      expect(await world.ask(keyless.gatewayKey)).toMatchObject({ status: 200, source: 'environment', key: OWN_HERE });

      proxy.heal();
      await untilStanding(well);
      expect(await world.ask(tenant.gatewayKey)).toMatchObject({ status: 200, source: 'tenant', key: FIRST });
      await until('the own keys are Vault\'s again', async () => (await world.ask(keyless.gatewayKey)).key === OWN, 30_000);
    });

    it('an own key that only Vault could have is 503, never «no such key»', async () => {
      await world.product().stop();
      proxy.break({ kind: 'drop-request' });
      await world.start({ env: { VAULT_ADDR: proxy.url } });
      const keyless = await newTenant();
      expect(await world.ask(keyless.gatewayKey)).toMatchObject({ status: 503, code: 'unavailable' });
      await keyless.admin.must('PUT', `/api/v1/tenants/${keyless.id}/policy`, { platformFallback: false });
      expect(await world.ask(keyless.gatewayKey)).toMatchObject({ status: 424 });
      proxy.heal();
      await untilStanding(well);
    });
  });

  describe('while it runs', () => {
    const outages: readonly Outage[] = [
      { name: 'is stopped', begin: () => world.vault.stop(), end: () => world.vault.start() },
      { name: 'is sealed', begin: () => world.vault.seal(), end: () => world.vault.unseal() },
      through('does not answer', { kind: 'silence' }),
      through('answers garbage', { kind: 'garbage' }),
      through('answers half', { kind: 'cut', bytes: 20 }),
      through('is an error page with 404', { kind: 'answer', status: 404, headers: { 'content-type': 'text/html' }, body: '<h1>Not Found</h1>' }),
      {
        name: 'refuses for its rate limit',
        begin: () => proxy.break({ kind: 'answer', status: 429, body: '{"errors":["request path: rate limit quota exceeded"]}' }, ({ path }) => !path.includes('sys/health')),
        end: () => proxy.heal(),
        stays: true,
      },
    ];

    it.each(outages)('Vault $name: cached keys serve, others are 503, writes are refused whole, and all is well afterwards without a restart', async ({ begin, end, stays = false }) => {
      await untilStanding(well);
      const [cached, unknown, writer] = [await newTenant(FIRST), await newTenant(FIRST), await newTenant()];
      expect(await world.ask(cached.gatewayKey)).toMatchObject({ status: 200, key: FIRST });
      const from = world.product().logLines().length;
      await begin();
      try {
        expect(await world.ask(unknown.gatewayKey)).toMatchObject({ status: 503, code: 'unavailable', key: null });
        expect(await world.ask(cached.gatewayKey)).toMatchObject({ status: 200, source: 'tenant', key: FIRST });
        await untilStanding(stays ? well : away);
        const put = await writer.admin.call('PUT', `/api/v1/tenants/${writer.id}/credentials/openai`, { fields: { api_key: SECOND } });
        expect([put.status, put.body['error']]).toMatchObject([503, { code: 'unavailable' }]);
        expect(Number(put.headers.get('retry-after'))).toBeGreaterThan(0);
        expect((await writer.admin.call('GET', `/api/v1/tenants/${writer.id}/credentials/openai`)).status).toBe(404);
        expect(await world.ask(unknown.gatewayKey)).toMatchObject({ status: 503, key: null });
        if (!stays) expect(events(from)).toContain('vault_connection_failed');
      } finally {
        await end();
      }
      await untilStanding(well);
      if (!stays) expect(events(from)).toContain('vault_connected');
      await nothingHalfWritten(writer);
      expect(await world.ask(unknown.gatewayKey)).toMatchObject({ status: 200, source: 'tenant', key: FIRST });
      await handOver(writer, 'openai', SECOND);
      expect(await world.ask(writer.gatewayKey)).toMatchObject({ status: 200, source: 'tenant', key: SECOND });
    });

    it('R3.7 a key is out of use at once all the same, and out of Vault as soon as that is back', async () => {
      await untilStanding(well);
      const [revoked, deleted, keyless] = [await newTenant(FIRST), await newTenant(FIRST), await newTenant()];
      await until('the own keys have been read', async () => (await world.ask(keyless.gatewayKey)).key === OWN);
      for (const { gatewayKey } of [revoked, deleted]) await world.ask(gatewayKey);
      proxy.break({ kind: 'drop-request' });
      await untilStanding(away);
      await revoked.admin.must('POST', `/api/v1/tenants/${revoked.id}/credentials/openai/revoke`, {});
      await deleted.admin.must('DELETE', `/api/v1/tenants/${deleted.id}/credentials/openai`);
      expect([(await world.ask(revoked.gatewayKey)).status, (await world.ask(deleted.gatewayKey)).key]).toEqual([424, OWN]);
      expect(await versionsInVault(world.vault, pathOf(revoked))).toMatchObject([{ state: 'live' }]);
      proxy.heal();
      await untilStanding(well);
      await until('both are done in Vault', async () => {
        const [ofRevoked] = await versionsInVault(world.vault, pathOf(revoked));
        const [ofDeleted] = await versionsInVault(world.vault, pathOf(deleted));
        return ofRevoked?.state === 'destroyed' && ofDeleted?.state === 'removed';
      }, 150_000);
    }, 200_000);

    it('R2.4 its token revoked: it signs in again, and no request fails', async () => {
      await untilStanding(well);
      const [one, two] = [await newTenant(FIRST), await newTenant(SECOND)];
      await world.vault.ask('PUT', 'sys/leases/revoke-prefix/auth/approle');
      expect([(await world.ask(one.gatewayKey)).key, (await world.ask(two.gatewayKey)).key]).toEqual([FIRST, SECOND]);
      expect(await standing()).toEqual(well);
    });

    it('R2.5 its policy gone: said so, never «no such key», and well again when the policy is', async () => {
      await untilStanding(well);
      const [cached, unknown] = [await newTenant(FIRST), await newTenant(FIRST)];
      await world.ask(cached.gatewayKey);
      const from = world.product().logLines().length;
      const { policy } = await world.vault.ask('GET', 'sys/policies/acl/ai-gateway-policy');
      await world.vault.ask('DELETE', 'sys/policies/acl/ai-gateway-policy');
      expect(await world.ask(unknown.gatewayKey)).toMatchObject({ status: 503, code: 'unavailable', key: null });
      expect(await world.ask(cached.gatewayKey)).toMatchObject({ status: 200, key: FIRST });
      const put = await unknown.admin.call('PUT', `/api/v1/tenants/${unknown.id}/credentials/openai`, { fields: { api_key: SECOND } });
      expect([put.status, put.text]).toEqual([503, expect.stringContaining('An operator has to restore its access')]);
      expect(events(from)).toContain('vault_permission_denied');
      await world.vault.ask('POST', 'sys/policies/acl/ai-gateway-policy', { policy });
      expect(await world.ask(unknown.gatewayKey)).toMatchObject({ status: 200, key: FIRST });
      await handOver(unknown, 'openai', SECOND);
    });
  });
});
