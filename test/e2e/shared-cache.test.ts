import { afterAll, beforeAll, expect, it } from 'vitest';
import { apiOf, type TestTenant } from '../support/api.ts';
import { eventually } from '../support/eventually.ts';
import { type RedisServer, startRedis } from '../support/servers/redis.ts';
import { describeWithVault } from '../support/servers/with-vault.ts';
import { tenantWithKey } from '../support/store-world.ts';
import { startVaultWorld, type VaultWorld } from '../support/vault-world.ts';

const KEY = 'sk-test-shared-cache-0123456789';

describeWithVault('R3.10, S19: a process that starts while Vault is away', () => {
  let redis: RedisServer;
  let world: VaultWorld;
  let tenant: TestTenant;

  beforeAll(async () => {
    redis = await startRedis();
    world = await startVaultWorld({ storage: 'file' });
    await world.start({ env: { REDIS_URL: redis.url } });
    tenant = await tenantWithKey(world, 'acme', KEY);
  });
  afterAll(async () => {
    await world.close();
    await redis.close();
  });

  const values = async (): Promise<readonly string[]> => ((await redis.command('KEYS', '*')) as readonly string[]).filter((name) => name.includes(':value:'));

  it('serves what was read before from Redis, where it lies sealed; and not once that is revoked', async () => {
    expect(await world.ask(tenant.gatewayKey)).toMatchObject({ status: 200, key: KEY });
    await eventually(async () => (await values()).length === 1, () => 'Nothing lies in Redis.');
    expect((await redis.everything()).includes(KEY)).toBe(false);
    await world.product().stop();
    await world.vault.kill();

    await world.start({ env: { REDIS_URL: redis.url } });
    expect(await world.ask(tenant.gatewayKey)).toMatchObject({ status: 200, key: KEY });
    expect(world.product().output()).toContain('from the shared cache: ');

    await apiOf(world.product().url, tenant.admin.token).must('POST', '/api/v1/tenants/acme/credentials/openai/revoke', { reason: 'test' });
    expect((await world.ask(tenant.gatewayKey)).status).not.toBe(200);
    await eventually(async () => (await values()).length === 0, () => 'It still lies in Redis.');
  });

  it('without KEYHOLD_SHARED_CACHE it has nothing', async () => {
    await world.product().stop();
    await world.vault.start();
    await world.start({ env: { REDIS_URL: redis.url, KEYHOLD_SHARED_CACHE: 'false' } });
    const other = await tenantWithKey(world, 'globex', KEY);
    expect((await world.ask(other.gatewayKey)).status).toBe(200);
    expect(await values()).toEqual([]);
  });
});
