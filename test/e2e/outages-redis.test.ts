import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OutageProof, outageTestMs } from '../support/outage-proof.ts';
import { type RedisServer, startRedis } from '../support/servers/redis.ts';
import { startStoreWorld, type StoreWorld } from '../support/store-world.ts';

let redis: RedisServer;
let world: StoreWorld;
let proof: OutageProof;

async function degraded(): Promise<unknown> {
  const response = await fetch(`${world.product().url}/readyz`);
  return [response.status, ((await response.json()) as { readonly degraded: unknown }).degraded];
}

describe('DESIGN «Stale serving»: nobody notices when Redis', () => {
  beforeAll(async () => {
    redis = await startRedis();
    world = await startStoreWorld({ REDIS_URL: redis.url });
    proof = new OutageProof(world);
    await proof.serve();
  });
  afterAll(async () => {
    await world.close();
    await redis.close();
  });

  async function isDegraded(): Promise<void> {
    expect(await degraded()).toEqual([200, ['bus']]);
  }

  it('is killed', () => proof.proveUnnoticed({ begin: () => redis.kill(), end: () => redis.start(), during: isDegraded }), outageTestMs);
  it('stands still (SIGSTOP)', () => proof.proveUnnoticed({ begin: () => redis.pause(), end: () => redis.resume(), during: isDegraded }), outageTestMs);
});
