import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { until } from '../support/outcome.ts';
import { describeWithVault } from '../support/servers/with-vault.ts';
import { tenantWithKey } from '../support/store-world.ts';
import { startVaultWorld, type VaultWorld } from '../support/vault-world.ts';

const FIRST = 'sk-test-first-key-00000001';
const SECOND = 'sk-test-second-key-0000002';
const ROLE = 'auth/approle/role/ai-gateway';

let world: VaultWorld;
let file: string;

async function newSecretId(): Promise<void> {
  await writeFile(file, String((await world.vault.ask('POST', `${ROLE}/secret-id`))['secret_id']));
}

async function ready(): Promise<string> {
  return (await fetch(`${world.product().url}/readyz`)).text();
}

async function connected(): Promise<boolean> {
  const { secrets } = (await (await fetch(`${world.product().url}/api/v1/health`)).json()) as { readonly secrets: { readonly vault_connected: boolean } };
  return secrets.vault_connected;
}

const events = (event: string) => world.product().logLines().filter((line) => line['event'] === event);

describeWithVault('Keyhold whose token meets its maximum, and whose secret_id is used up (R2.4)', () => {
  beforeAll(async () => {
    world = await startVaultWorld();
    file = path.join(world.dataDir, 'secret-id');
    await world.vault.ask('POST', ROLE, { token_policies: 'ai-gateway-policy', token_ttl: '3s', token_max_ttl: '4s', secret_id_num_uses: 3 });
    await newSecretId();
    await world.start({ env: { VAULT_SECRET_ID: '', VAULT_SECRET_ID_FILE: file } });
  });
  afterAll(async () => world.close());

  it('signs in again at the maximum; used up, it says so everywhere, serves what it has, and comes back with the next secret_id', async () => {
    const [cached, unknown] = [await tenantWithKey(world, 'cached', FIRST), await tenantWithKey(world, 'unknown', SECOND)];
    expect(await world.ask(cached.gatewayKey)).toMatchObject({ status: 200, key: FIRST });
    await until('it is used up', async () => (await ready()) === '{"ready":true,"degraded":["vault"]}', 60_000);
    expect(await connected()).toBe(false);
    expect(events('vault_authentication_failed').at(-1)?.['msg']).toContain('used up');
    expect(await world.ask(cached.gatewayKey)).toMatchObject({ status: 200, source: 'tenant', key: FIRST });
    expect(await world.ask(unknown.gatewayKey)).toMatchObject({ status: 503, code: 'unavailable', key: null });
    const put = await unknown.admin.call('PUT', '/api/v1/tenants/unknown/credentials/openai', { fields: { api_key: FIRST } });
    expect([put.status, put.body['error']]).toMatchObject([503, { code: 'unavailable' }]);

    await world.vault.ask('POST', ROLE, { token_ttl: '1h', token_max_ttl: '4h', secret_id_num_uses: 0 });
    await newSecretId();
    await until('it is well', connected);
    expect(await ready()).toBe('{"ready":true,"degraded":[]}');
    expect(await world.ask(unknown.gatewayKey)).toMatchObject({ status: 200, key: SECOND });
  });
});
