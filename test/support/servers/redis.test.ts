import { describe, expect, it, onTestFinished } from 'vitest';
import { type RedisOptions, startRedis } from './redis.ts';

async function redis(options?: RedisOptions) {
  const server = await startRedis(options);
  onTestFinished(() => server.close());
  return server;
}

describe('the Redis that tests start', () => {
  it('asks for its password, and is empty after a death', async () => {
    const server = await redis();
    expect(await server.command('SET', 'name', 'value')).toBe('OK');
    expect(await server.command('GET', 'name')).toBe('value');
    await server.kill();
    await expect(server.command('PING')).rejects.toThrow('ECONNREFUSED');
    await server.start();
    expect(await server.command('GET', 'name')).toBeNull();
  });

  it('speaks TLS alone when asked to', async () => {
    const server = await redis({ tls: true });
    expect(server.url).toMatch(/^rediss:/);
    expect(await server.command('PING')).toBe('PONG');
  });
});
