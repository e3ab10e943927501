import { rm } from 'node:fs/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { type Product, startProduct, temporaryFolder, testAdminToken } from '../support/product.ts';
import { apiOf, makeTenant } from '../support/api.ts';
import { type RedisServer, startRedis } from '../support/servers/redis.ts';

async function withRedis(): Promise<{ readonly redis: RedisServer; readonly start: (url?: string) => Promise<Product> }> {
  const redis = await startRedis();
  onTestFinished(() => redis.close());
  return {
    redis,
    start: async (url = redis.url) => {
      const dataDir = await temporaryFolder();
      const product = await startProduct({ dataDir, env: { REDIS_URL: url } });
      onTestFinished(async () => {
        await product.kill();
        await rm(dataDir, { recursive: true, force: true });
      });
      return product;
    },
  };
}

async function degraded({ url }: Product): Promise<unknown> {
  const response = await fetch(`${url}/readyz`, { headers: { authorization: `Bearer ${testAdminToken}` } });
  expect(response.status).toBe(200);
  return ((await response.json()) as { readonly degraded: unknown }).degraded;
}

describe('the product with Redis (R0.5)', () => {
  it('R3.9 connects first, and keeps account of limits (R5.4); without it /readyz and the metrics say so, a change is made all the same, and it ends in order', async () => {
    const { redis, start } = await withRedis();
    const product = await start();
    const lines = product.logLines().map(({ msg }) => msg);
    expect(lines.indexOf('Redis connected successfully')).toBeGreaterThanOrEqual(0);
    expect(lines.indexOf('Redis connected successfully')).toBeLessThan(lines.indexOf('SQLite connection established for auth services'));
    await eventually(async () => JSON.stringify(await degraded(product)) === '[]', () => `Never well:\n${product.output()}`);
    const globex = await makeTenant(product, 'globex', { limits: { requests: [{ max: 2, per: 'day' }] } });
    const call = async (): Promise<number> =>
      (await fetch(`${product.url}/v1/chat/completions`, { method: 'POST', headers: { authorization: `Bearer ${globex.gatewayKey}`, 'content-type': 'application/json' }, body: '{"model":"local","messages":[]}' })).status;
    // Within the limit there is no key to serve it with.
    expect([await call(), await call(), await call()]).toEqual([424, 424, 429]);
    expect(await redis.command('KEYS', '*:limit:*')).toHaveLength(1);
    await redis.kill();
    // The share of the only replica is all of it, and used up.
    expect(await call()).toBe(429);
    await eventually(async () => JSON.stringify(await degraded(product)) === '["bus"]', () => `Never degraded:\n${product.output()}`);
    const api = apiOf(product.url, testAdminToken);
    await api.must('POST', '/api/v1/tenants', { id: 'acme', name: 'Acme' });
    await eventually(async () => (await (await fetch(`${product.url}/metrics`)).text()).includes('keyhold_bus_connected{link="redis"} 0'), () => 'The metrics do not say so.');
    await eventually(async () => product.logLines().filter(({ event }) => event === 'bus_lost').length === 1, () => `Not told once:\n${product.output()}`);
    expect(product.output()).not.toContain(redis.password);
    await redis.start();
    await eventually(async () => JSON.stringify(await degraded(product)) === '[]', () => `Never well again:\n${product.output()}`);
    expect(await product.stop()).toEqual({ code: 0, signal: null });
  });

  it('starts without it, and with a wrong password, and says what is wrong', async () => {
    const { redis, start } = await withRedis();
    const product = await start(redis.url.replace(redis.password, 'a-wrong-password'));
    expect(await degraded(product)).toEqual(['bus']);
    expect(product.logLines().find(({ event }) => event === 'redis_unavailable')?.['msg']).toContain('refuses the user or the password in REDIS_URL');
    expect(product.output()).not.toContain('a-wrong-password');
    expect(await product.stop()).toEqual({ code: 0, signal: null });
  });
});
