import { randomBytes } from 'node:crypto';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createRedisSharedCache } from '../../src/adapters/shared-cache/redis-shared-cache.ts';
import { openRedis } from '../../src/adapters/redis/redis-connection.ts';
import { SecretValue } from '../../src/ports/secret-value.ts';
import { eventually } from '../support/eventually.ts';
import { RecordingLog } from '../support/recording-log.ts';
import { type RedisServer, startRedis } from '../support/servers/redis.ts';

async function world() {
  const server: RedisServer = await startRedis();
  onTestFinished(() => server.close());
  const redis = await openRedis({ url: new SecretValue(server.url), address: '127.0.0.1', log: new RecordingLog(), random: randomBytes });
  onTestFinished(() => redis.close());
  return { server, cache: createRedisSharedCache(redis, 'root_0123456789abcdef'), other: createRedisSharedCache(redis, 'root_fedcba9876543210') };
}

const bytes = randomBytes(200);

describe('the shared cache in a real Redis (R3.10, S19)', () => {
  it('keeps bytes for their time, apart for each installation, and removes one or a group', async () => {
    const { cache, other, server } = await world();
    expect(await cache.set('one', 'acme', bytes, 60_000)).toBe(true);
    expect(await cache.get('one')).toEqual(bytes);
    expect(await other.get('one')).toBeUndefined();
    for (const name of (await server.command('KEYS', '*')) as readonly string[]) {
      expect(name).toMatch(/^keyhold:root_0123456789abcdef:/u);
      expect(Number(await server.command('PTTL', name))).toBeGreaterThan(0);
    }
    await cache.remove('one');
    expect(await cache.get('one')).toBeUndefined();
    await cache.set('two', 'acme', bytes, 60_000);
    await cache.set('three', 'acme', bytes, 60_000);
    await cache.set('four', 'globex', bytes, 60_000);
    await cache.removeGroup('acme');
    expect([await cache.get('two'), await cache.get('three'), await cache.get('four')]).toEqual([undefined, undefined, bytes]);
    await cache.set('short', 'acme', bytes, 30);
    await eventually(async () => (await cache.get('short')) === undefined, () => 'It stays.');
  });

  it('paused, killed, emptied: nobody waits for long, nothing is thrown, and it works again afterwards', async () => {
    const { cache, server } = await world();
    await cache.set('one', 'acme', bytes, 60_000);
    server.pause();
    const begun = performance.now();
    expect(await cache.get('one')).toBeUndefined();
    expect(performance.now() - begun).toBeLessThan(5_000);
    server.resume();
    await eventually(async () => (await cache.get('one'))?.equals(bytes) === true, () => 'It does not come back.');
    await server.command('FLUSHALL');
    expect(await cache.get('one')).toBeUndefined();
    await server.kill();
    expect([await cache.get('one'), await cache.set('one', 'acme', bytes, 60_000)]).toEqual([undefined, false]);
    await cache.remove('one');
    await cache.removeGroup('acme');
    await server.start();
    await eventually(async () => (await cache.set('one', 'acme', bytes, 60_000)) && (await cache.get('one'))?.equals(bytes) === true, () => 'It does not come back.');
  });
});
