import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CredentialRecord } from '../../src/ports/metadata/credentials.ts';
import { type ApiAnswer, apiOf, handOver, type TestTenant } from '../support/api.ts';
import { until } from '../support/outcome.ts';
import { type FaultProxy, startFaultProxy } from '../support/servers/fault-proxy.ts';
import { describeWithVault } from '../support/servers/with-vault.ts';
import { readStoredState } from '../support/stored-state.ts';
import { tenantWithKey } from '../support/store-world.ts';
import { pathOf, problemsOf, startVaultWorld, type VaultWorld, versionsInVault } from '../support/vault-world.ts';

const entry = fileURLToPath(new URL('../support/serve-stopping-at.ts', import.meta.url));
const FIRST = 'sk-test-first-key-00000001';
const SECOND = 'sk-test-second-key-0000002';

let world: VaultWorld;
let proxy: FaultProxy;

async function arm(...lines: readonly string[]): Promise<void> {
  await writeFile(join(world.dataDir, 'stop-at'), lines.join('\n'));
}

async function start(): Promise<void> {
  await world.start({ entry, env: { VAULT_ADDR: proxy.url, VAULT_ENABLE_FALLBACK: 'true', NODE_ENV: 'production', KEYHOLD_STORE: 'vault', TEST_STOP_FILE: join(world.dataDir, 'stop-at'), TEST_RECONCILE_MS: '300' } });
}

/** From the outside, as Vault's own users see it. */
async function liveInVault(tenant: TestTenant): Promise<readonly unknown[]> {
  return (await versionsInVault(world.vault, pathOf(tenant))).filter(({ state }) => state === 'live').map(({ fields }) => fields?.['api_key']);
}

/** On the address of the process that runs now. */
function show(tenant: TestTenant): Promise<ApiAnswer> {
  return apiOf(world.product().url, tenant.admin.token).must('GET', `/api/v1/tenants/${tenant.id}/credentials/openai`);
}

async function untilStoredIn(tenant: TestTenant, storedIn: string): Promise<void> {
  await until(`the key of ${tenant.id} is stored in ${storedIn}`, async () => (await show(tenant)).body['storedIn'] === storedIn, 60_000);
}

async function untilConnected(connected: boolean): Promise<void> {
  await until(`Vault is connected: ${connected}`, async () => {
    const health = (await (await fetch(`${world.product().url}/api/v1/health`)).json()) as { readonly secrets: { readonly vault_connected: boolean } };
    return health.secrets.vault_connected === connected;
  }, 60_000);
}

async function waiting(): Promise<unknown> {
  const { body } = await world.platform().must('GET', '/api/v1/stores');
  return (body['items'] as readonly { readonly kind: string; readonly waiting: number }[]).find(({ kind }) => kind === 'vault')?.waiting;
}

function recordOf(tenant: TestTenant): CredentialRecord | undefined {
  return readStoredState(world.dataDir).credentials.find(({ scope }) => scope.kind === 'tenant' && scope.tenant === tenant.id);
}

describeWithVault('R3.5 keys that are handed over while Vault is away', () => {
  beforeAll(async () => {
    world = await startVaultWorld({ storage: 'file' });
    proxy = await startFaultProxy(world.vault.address);
    await arm();
    await start();
  });
  afterAll(async () => {
    await world.close();
    await proxy.close();
  });

  it('go to the encrypted database, serve from there, are told of, and move to Vault when it is back', async () => {
    const [replaced, fresh] = [await tenantWithKey(world, 'replaced', FIRST), await world.tenant('fresh')];
    await world.vault.stop();
    expect((await handOver(replaced, 'openai', SECOND)).body).toMatchObject({ storedIn: 'sealed', version: 2, warnings: [expect.stringContaining('moves by itself')] });
    const answer = await fresh.admin.must('POST', '/tenant/ai/credentials/openai', { apiKey: FIRST });
    expect(answer.body).toEqual({ success: true, message: 'Credentials stored securely in the encrypted database', provider: 'openai' });
    expect([(await world.ask(replaced.gatewayKey)).key, (await world.ask(fresh.gatewayKey)).key]).toEqual([SECOND, FIRST]);
    await until('both are counted', async () => (await waiting()) === 2);
    expect((await world.platform().must('GET', '/metrics')).text).toContain('keyhold_values_waiting{store="vault"} 2');
    await world.vault.start();
    for (const tenant of [replaced, fresh]) await untilStoredIn(tenant, 'vault');
    expect([(await world.ask(replaced.gatewayKey)).key, (await world.ask(fresh.gatewayKey)).key]).toEqual([SECOND, FIRST]);
    expect([(await liveInVault(replaced)).at(-1), await liveInVault(fresh), await problemsOf(world, fresh), await problemsOf(world, replaced)]).toEqual([SECOND, [FIRST], [], []]);
    await until('nothing waits', async () => (await waiting()) === 0);
    expect((await replaced.admin.must('GET', '/api/v1/tenants/replaced/audit?action=credential.move')).body['items']).toMatchObject([{ phase: 'outcome', outcome: 'ok', actor: { kind: 'system' } }, { phase: 'intent' }]);
    const told = world.product().logLines().filter(({ tenantId }) => tenantId === 'fresh').map(({ event, storedIn }) => [event, storedIn]);
    expect(told).toEqual(expect.arrayContaining([['tenant-ai-credentials.added', 'database'], ['stored_in_fallback', undefined], ['credential_moved', 'vault']]));
  }, 120_000);

  it('are refused whole while the first try may still arrive in Vault, and found there afterwards', async () => {
    const tenant = await world.tenant('half');
    let arrived = false;
    proxy.breakBy(({ method, path }) => {
      if (arrived) return { kind: 'drop-request' };
      if (method !== 'POST' || !path.includes(pathOf(tenant))) return undefined;
      arrived = true;
      return { kind: 'drop-answer' };
    });
    const put = () => tenant.admin.call('PUT', `/api/v1/tenants/half/credentials/openai`, { fields: { api_key: FIRST } });
    expect((await put()).status).toBe(503);
    expect((await put()).status).toBe(409);
    expect(recordOf(tenant)).toMatchObject({ current: null, intent: { store: 'vault' } });
    expect(readStoredState(world.dataDir).sealedValues.filter(({ name }) => name.includes('half'))).toEqual([]);
    await world.product().kill();
    proxy.heal();
    await start();
    expect((await show(tenant)).body).toMatchObject({ storedIn: 'vault' });
    expect([await world.ask(tenant.gatewayKey), await problemsOf(world, tenant)]).toMatchObject([{ status: 200, key: FIRST }, []]);
  });

  describe('kill -9 at each step of a move', () => {
    it.each([
      ['move.begun', 'sealed'],
      ['move.stored', 'vault'],
      ['move.verified', 'vault'],
      ['move.committed', 'vault'],
      ['move.announced', 'vault'],
    ] as const)('%s: the key serves on, in %s after the next start, and is home in the end', async (step, storedIn) => {
      const tenant = await tenantWithKey(world, step.replace('.', '-'), FIRST);
      proxy.break({ kind: 'drop-request' });
      await untilConnected(false);
      expect((await handOver(tenant, 'openai', SECOND)).body).toMatchObject({ storedIn: 'sealed' });
      await arm(`stop ${step}`);
      proxy.heal();
      expect(await world.product().exited).toEqual({ code: null, signal: 'SIGKILL' });
      // So that the state after the start is not that of a minute later.
      await arm('hold move.begun');
      await start();
      expect([(await show(tenant)).body['storedIn'], (await world.ask(tenant.gatewayKey)).key]).toEqual([storedIn, SECOND]);
      if (storedIn === 'vault') {
        expect(await problemsOf(world, tenant)).toEqual([]);
        await arm();
      } else {
        await world.product().kill();
        await arm();
        await start();
      }
      await untilStoredIn(tenant, 'vault');
      expect([(await world.ask(tenant.gatewayKey)).key, await problemsOf(world, tenant)]).toEqual([SECOND, []]);
      expect((await liveInVault(tenant)).at(-1)).toBe(SECOND);
    }, 120_000);
  });
});
