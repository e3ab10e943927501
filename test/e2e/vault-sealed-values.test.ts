import { writeFile } from 'node:fs/promises';
import { DatabaseSync } from 'node:sqlite';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { apiOf, handOver, type TestTenant } from '../support/api.ts';
import { until } from '../support/outcome.ts';
import { describeWithVault } from '../support/servers/with-vault.ts';
import { tenantWithKey } from '../support/store-world.ts';
import { pathOf, problemsOf, startVaultWorld, type VaultWorld, versionsInVault } from '../support/vault-world.ts';

const entry = fileURLToPath(new URL('../support/serve-stopping-at.ts', import.meta.url));
const FIRST = 'sk-test-first-key-00000001';
const SECOND = 'sk-test-second-key-0000002';
const OUTSIDE = 'sk-test-outside-key-000003';

let world: VaultWorld;

async function start(sealed: boolean): Promise<void> {
  await world.start({ entry, env: { KEYHOLD_SEAL_BEFORE_STORE: String(sealed), TEST_STOP_FILE: join(world.dataDir, 'stop-at'), TEST_RECONCILE_MS: '300' } });
}

async function restart(sealed: boolean): Promise<void> {
  await world.product().stop();
  await start(sealed);
}

/** On the address of the process that runs now. */
function now(tenant: TestTenant): TestTenant {
  return { ...tenant, admin: apiOf(world.product().url, tenant.admin.token) };
}

/** Everything that lies below a path in Vault, every version and what is noted beside it, as one text. */
async function dump(path = ''): Promise<string> {
  const { keys = [] } = (await world.vault.ask('LIST', `secret/metadata/${path}`)) as { readonly keys?: readonly string[] };
  const parts = await Promise.all(
    keys.map(async (name) => (name.endsWith('/') ? dump(path + name) : JSON.stringify([await world.vault.ask('GET', `secret/metadata/${path}${name}`), await versionsInVault(world.vault, path + name)]))),
  );
  return parts.join('\n');
}

async function newest(tenant: TestTenant): Promise<string> {
  return String((await versionsInVault(world.vault, pathOf(tenant))).at(-1)?.fields?.['api_key']);
}

describeWithVault('R3.6 values that are sealed before Vault gets them', () => {
  beforeAll(async () => {
    world = await startVaultWorld({ storage: 'file' });
    await writeFile(join(world.dataDir, 'stop-at'), '');
    await start(true);
  });
  afterAll(async () => world.close());

  it('a dump of Vault shows no value, in no version, and all of them serve', async () => {
    const tenant = await tenantWithKey(world, 'sealed', FIRST);
    await handOver(tenant, 'openai', SECOND);
    await tenant.admin.must('PUT', '/api/v1/tenants/sealed/credentials/twilio', { fields: { account_sid: 'AC-test-account-sid-1', auth_token: 'test-auth-token-1' } });
    await world.platform().must('PUT', '/api/v1/platform/credentials/groq', { fields: { api_key: FIRST }, offerTo: 'none' });
    expect((await world.ask(tenant.gatewayKey)).key).toBe(SECOND);
    const text = await dump();
    expect(text.match(/"state":"live"/g)?.length).toBeGreaterThan(3);
    for (const value of [FIRST, SECOND, 'AC-test-account-sid-1', 'test-auth-token-1']) {
      for (const form of [value, Buffer.from(value).toString('base64').replaceAll('=', ''), Buffer.from(value).toString('hex')]) expect(text).not.toContain(form);
    }
    const at = '/api/v1/tenants/sealed/credentials/openai';
    await tenant.admin.must('DELETE', at);
    await tenant.admin.must('POST', `${at}/recover`);
    expect([(await world.ask(tenant.gatewayKey)).key, await problemsOf(world, tenant)]).toEqual([SECOND, []]);
  });

  it('switching it off and on leaves everything readable, and what only looks sealed stays what it is', async () => {
    const [kept, changed] = [await tenantWithKey(world, 'kept', FIRST), await tenantWithKey(world, 'changed', FIRST)];
    const looksSealed = await newest(changed);
    await restart(false);
    expect((await world.ask(kept.gatewayKey)).key).toBe(FIRST);
    await handOver(now(changed), 'openai', looksSealed);
    expect([await newest(changed), (await world.ask(changed.gatewayKey)).key]).toEqual([looksSealed, looksSealed]);
    await restart(true);
    expect([(await world.ask(kept.gatewayKey)).key, (await world.ask(changed.gatewayKey)).key]).toEqual([FIRST, looksSealed]);
    await handOver(now(changed), 'openai', SECOND);
    expect([(await world.ask(changed.gatewayKey)).key, await newest(changed)]).toEqual([SECOND, expect.not.stringContaining('sk-test')]);
  });

  it('S17 a key that is written into Vault by hand is adopted as the policy says, and sealed there', async () => {
    const tenant = await world.tenant('handmade');
    await tenant.admin.must('PUT', '/api/v1/tenants/handmade/policy', { adoptOutsideChanges: true });
    await handOver(tenant, 'openai', FIRST);
    await world.cli('kv', 'put', `secret/${pathOf(tenant)}`, `api_key=${OUTSIDE}`);
    await world.ask(tenant.gatewayKey);
    await until('the new key serves', async () => (await world.ask(tenant.gatewayKey)).key === OUTSIDE);
    await until('it is sealed in Vault', async () => !(await newest(tenant)).includes('sk-test'));
    await until('the plain version is on its way out', async () => (await problemsOf(world, tenant)).length === 0);
    expect((await world.ask(tenant.gatewayKey)).key).toBe(OUTSIDE);
  });

  it('with its data key a tenant\'s values are gone, and nobody else\'s', async () => {
    const [shredded, other] = [await tenantWithKey(world, 'shredded', FIRST), await tenantWithKey(world, 'other', SECOND)];
    await world.product().stop();
    const database = new DatabaseSync(join(world.dataDir, 'data', 'keyhold.db'));
    expect(database.prepare('DELETE FROM data_keys WHERE scope LIKE \'%shredded%\'').run().changes).toBe(1);
    database.close();
    await start(true);
    expect(await world.ask(shredded.gatewayKey)).toMatchObject({ status: 500, code: 'corrupt', key: null });
    expect(await world.ask(other.gatewayKey)).toMatchObject({ status: 200, key: SECOND });
    await handOver(now(shredded), 'openai', SECOND);
    expect(await world.ask(shredded.gatewayKey)).toMatchObject({ status: 200, key: SECOND });
  });
});
