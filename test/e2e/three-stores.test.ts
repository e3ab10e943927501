import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type ApiAnswer, apiOf, type TestTenant } from '../support/api.ts';
import { azureName, type AzureWorld, startAzureWorld } from '../support/azure-world.ts';
import { until } from '../support/outcome.ts';
import { describeWithVault } from '../support/servers/with-vault.ts';
import { readStoredState } from '../support/stored-state.ts';
import { pathOf, startVaultWorld, type VaultWorld, versionsInVault } from '../support/vault-world.ts';

const entry = fileURLToPath(new URL('../support/serve-stopping-at.ts', import.meta.url));
const FIRST = 'sk-test-first-key-00000001';
const SECOND = 'sk-test-second-key-0000002';
const THIRD = 'sk-test-third-key-00000003';

type Store = 'vault' | 'azure-key-vault' | 'sealed';

let world: VaultWorld;
let azure: AzureWorld;
let started = false;

/** Keyhold with both vaults on, from now on with this one for new values. */
async function start(store: Store, more: Readonly<Record<string, string>> = {}): Promise<void> {
  if (started) await world.product().stop();
  const ofAzure = Object.fromEntries(Object.entries(azure.env).filter(([name]) => !name.startsWith('KEYHOLD_SERVICE_')));
  await world.start({ entry, env: { ...ofAzure, KEYHOLD_STORE: store, TEST_STOP_FILE: join(world.dataDir, 'stop-at'), TEST_RECONCILE_MS: '300', ...more } });
  started = true;
}

function call(tenant: TestTenant, method: string, operation = '', body?: unknown): Promise<ApiAnswer> {
  return apiOf(world.product().url, tenant.admin.token).call(method, `/api/v1/tenants/${tenant.id}/credentials/openai${operation}`, body);
}

async function put(tenant: TestTenant, key: string): Promise<unknown> {
  const { status, text, body } = await call(tenant, 'PUT', '', { fields: { api_key: key } });
  if (status > 299) throw new Error(text);
  return body['storedIn'];
}

async function storedIn(tenant: TestTenant): Promise<unknown> {
  return (await call(tenant, 'GET')).body['storedIn'];
}

async function served(tenant: TestTenant): Promise<string | null> {
  return (await world.ask(tenant.gatewayKey)).key;
}

async function inVault(tenant: TestTenant): Promise<readonly unknown[]> {
  return (await versionsInVault(world.vault, pathOf(tenant))).map(({ state, fields }) => fields?.['api_key'] ?? state);
}

function inDatabase(tenant: TestTenant): number {
  return readStoredState(world.dataDir).sealedValues.filter(({ name }) => name.includes(tenant.id)).length;
}

function lines(event: string, tenant: TestTenant): readonly Record<string, unknown>[] {
  return world.product().logLines().filter((line) => line['event'] === event && line['tenantId'] === tenant.id);
}

describeWithVault('R0.5 Vault, Azure Key Vault and the encrypted database side by side', { timeout: 300_000 }, () => {
  const tenants = new Map<Store, TestTenant>();

  beforeAll(async () => {
    [world, azure] = await Promise.all([startVaultWorld(), startAzureWorld()]);
    await writeFile(join(world.dataDir, 'stop-at'), '');
  });
  afterAll(async () => {
    await world.close();
    await azure.close();
  });

  it('each key serves from where it was stored, whichever store takes new ones, and storedIn says where', async () => {
    for (const store of ['vault', 'azure-key-vault', 'sealed'] as const) {
      await start(store);
      const tenant = await world.tenant(`in-${store}`);
      tenants.set(store, tenant);
      expect(await put(tenant, FIRST)).toBe(store);
    }
    for (const [store, tenant] of tenants) {
      expect([store, await storedIn(tenant), await served(tenant)]).toEqual([store, store, FIRST]);
      const at = [(await inVault(tenant)).length, (await azure.versions(azureName(tenant))).length, inDatabase(tenant)];
      expect([store, at]).toEqual([store, [Number(store === 'vault'), Number(store === 'azure-key-vault'), Number(store === 'sealed')]]);
    }
    expect((await world.platform().must('GET', '/api/v1/stores')).body['items']).toMatchObject([
      { kind: 'sealed', takesNew: true, connected: true },
      { kind: 'azure-key-vault', takesNew: false, connected: true },
      { kind: 'vault', takesNew: false, connected: true },
    ]);
  });

  it('deleting, recovering and revoking go to the store of each key', async () => {
    const event: Readonly<Record<Store, string>> = { vault: 'vault', 'azure-key-vault': 'key-vault', sealed: 'database' };
    for (const [store, tenant] of tenants) {
      expect((await call(tenant, 'DELETE')).status).toBe(200);
      expect([store, lines('tenant-ai-credentials.removed', tenant).at(-1)]).toMatchObject([store, { removedFrom: event[store] }]);
      expect([await inVault(tenant), await azure.newest(azureName(tenant))]).toEqual([store === 'vault' ? ['removed'] : [], null]);
      expect((await call(tenant, 'POST', '/recover')).body).toMatchObject({ storedIn: store });
      expect(await served(tenant)).toBe(FIRST);
    }
  });

  it('a new version goes where new values go, and back again, and builds on what lay there', async () => {
    const tenant = await world.tenant('wanders');
    for (const [store, key] of [['vault', FIRST], ['azure-key-vault', SECOND], ['vault', THIRD], ['sealed', FIRST]] as const) {
      await start(store);
      expect([await put(tenant, key), await storedIn(tenant), await served(tenant)]).toEqual([store, store, key]);
      expect(lines('changed_outside', tenant)).toEqual([]);
    }
    expect((await call(tenant, 'POST', '/revoke', {})).status).toBe(200);
    expect([await inVault(tenant), inDatabase(tenant), await azure.newest(azureName(tenant))]).toEqual([['destroyed', 'destroyed'], 0, null]);
  });

  it('a store that is switched off is said to be, and keeps no new key off', async () => {
    const [inTheVault, other] = [tenants.get('vault')!, tenants.get('azure-key-vault')!];
    await start('azure-key-vault', { VAULT_ENABLED: 'false' });
    expect(await world.ask(inTheVault.gatewayKey)).toMatchObject({ status: 503, code: 'unavailable', key: null });
    expect(await served(other)).toBe(FIRST);
    expect(await storedIn(inTheVault)).toBe('vault');
    expect([await put(inTheVault, SECOND), await served(inTheVault), await inVault(inTheVault)]).toEqual(['azure-key-vault', SECOND, [FIRST]]);
  });

  it('R3.5 R3.6 a key that comes while Azure is away goes to the database, and is sealed on its way home', async () => {
    await start('azure-key-vault', { KEY_VAULT_ENABLE_FALLBACK: 'true', KEYHOLD_SEAL_BEFORE_STORE: 'true' });
    const tenant = await world.tenant('waits');
    await azure.azure.kill();
    expect([await put(tenant, FIRST), await served(tenant)]).toEqual(['sealed', FIRST]);
    await azure.azure.restart();
    await until('it is home', async () => (await storedIn(tenant)) === 'azure-key-vault', 60_000);
    expect(await azure.newest(azureName(tenant))).toMatch(/^[A-Za-z0-9+/]+=*$/);
    expect([await served(tenant), (await azure.newest(azureName(tenant)))?.includes('sk-test')]).toEqual([FIRST, false]);
    expect(await put(tenant, SECOND)).toBe('azure-key-vault');
    await start('azure-key-vault');
    expect([await served(tenant), (await azure.newest(azureName(tenant)))?.includes('sk-test')]).toEqual([SECOND, false]);
  });
});
