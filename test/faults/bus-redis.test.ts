import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { RootKey } from '../../src/core/crypto/root-key.ts';
import { SecretValue } from '../../src/ports/secret-value.ts';
import { anotherInstallation, type BusReplica, busReplica, revoked, trusting } from '../support/bus-replica.ts';
import { eventually } from '../support/eventually.ts';
import { type RedisServer, startRedis } from '../support/servers/redis.ts';

async function redis(): Promise<RedisServer> {
  const server = await startRedis();
  onTestFinished(() => server.close());
  return server;
}

const replica = (url: string, root?: RootKey): Promise<BusReplica> =>
  busReplica({ redis: { url: new SecretValue(url), address: new URL(url).host, isSharedCache: false }, database: { kind: 'sqlite', file: '/nowhere' } }, root);

async function trustingReplicas(server: RedisServer) {
  const both = [await replica(server.url), await replica(server.url)] as const;
  await trusting(both);
  return both;
}

describe('the bus over a real Redis (R0.5, S32)', () => {
  it('carries a change to the other replicas, and nothing to another installation on the same Redis', async () => {
    const server = await redis();
    const [one, other] = await trustingReplicas(server);
    const stranger = await replica(server.url, anotherInstallation);
    await trusting([stranger]);
    await one.bus.publish(revoked(7));
    expect(one.heard(7)).toBe(true);
    await eventually(() => other.heard(7), () => 'The change did not arrive.');
    expect(stranger.heard(7)).toBe(false);
    expect(one.log.lines.some(({ event, msg }) => event === 'redis_connected' && msg === 'Redis connected successfully')).toBe(true);
    const { body } = await other.metrics.render();
    expect(body).toMatch(/keyhold_bus_delivery_seconds_count\{link="redis"\} [1-9]/u);
  });

  it('killed and started again: a change does not fail, everybody distrusts, and reads everything again when it is back', async () => {
    const server = await redis();
    const [one, other] = await trustingReplicas(server);
    await server.kill();
    await eventually(() => !one.bus.trusted && !other.bus.trusted && !one.bus.connected, () => 'A dead Redis is trusted.');
    await one.bus.publish(revoked(7));
    expect([one.heard(7), other.heard(7)]).toEqual([true, false]);
    other.news.length = 0;
    await server.start();
    await trusting([one, other]);
    expect(other.news).toContainEqual({ topic: 'missed' });
    await one.bus.publish(revoked(8));
    await eventually(() => other.heard(8), () => 'Nothing arrives after the restart.');
  });

  it('paused: no change waits long for it, and it is distrusted until it goes on', async () => {
    const server = await redis();
    const [one, other] = await trustingReplicas(server);
    server.pause();
    const begun = performance.now();
    await one.bus.publish(revoked(7));
    expect(performance.now() - begun).toBeLessThan(5_000);
    await eventually(() => !one.bus.trusted && !other.bus.trusted, () => 'A Redis that stands still is trusted.');
    server.resume();
    await eventually(() => other.heard(7) || other.news.some(({ topic }) => topic === 'missed'), () => 'Nothing arrives.');
    await trusting([one, other]);
  });

  it('FLUSHALL takes nothing from it, since nothing lies there', async () => {
    const server = await redis();
    const [one, other] = await trustingReplicas(server);
    expect(await server.command('KEYS', '*')).toEqual([]);
    await server.command('FLUSHALL');
    await one.bus.publish(revoked(7));
    await eventually(() => other.heard(7), () => 'The change did not arrive.');
    expect([one.bus.trusted, other.bus.trusted]).toEqual([true, true]);
  });

  it('a listening connection that somebody kills comes back', async () => {
    const server = await redis();
    const [one, other] = await trustingReplicas(server);
    await server.command('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await one.bus.publish(revoked(7));
    await eventually(() => other.heard(7) || other.news.some(({ topic }) => topic === 'missed'), () => 'Nobody noticed.');
    await trusting([one, other]);
  });

  it('needs no more of a user than docs/replicas.md says', async () => {
    const server = await redis();
    const rule = /ACL SETUSER keyhold (?<rule>.*)/u.exec(await readFile(path.join(import.meta.dirname, '../../docs/replicas.md'), 'utf8'))?.groups?.['rule'] ?? '';
    await server.command('ACL', 'SETUSER', 'keyhold', ...rule.split(' '));
    const one = await replica(`redis://keyhold:password@127.0.0.1:${server.port}`);
    await trusting([one]);
    expect(one.log.lines.map(({ event }) => event)).toEqual(['redis_connected']);
  });

  it.each([
    ['a wrong password', (server: RedisServer) => server.url.replace(server.password, 'wrong-password'), 'refuses the user or the password in REDIS_URL'],
    ['no password', (server: RedisServer) => `redis://127.0.0.1:${server.port}`, 'asks for a password'],
    ['nobody there', () => 'redis://127.0.0.1:1', 'Nobody answers'],
    ['TLS with a server that has none', (server: RedisServer) => server.url.replace('redis:', 'rediss:'), 'not with TLS where REDIS_URL says rediss://'],
  ])('with %s it says so and goes on alone, distrusting', async (_what, url, says) => {
    const server = await redis();
    const one = await replica(url(server));
    const line = one.log.lines.find(({ event }) => event === 'redis_unavailable');
    expect(line?.msg).toContain(says);
    expect(JSON.stringify(one.log.lines)).not.toContain(server.password);
    await one.bus.publish(revoked(7));
    expect([one.heard(7), one.bus.trusted]).toEqual([true, false]);
  });

  it('S19: over TLS an unknown certificate is not trusted, and the address is not taken in its place', async () => {
    const server = await startRedis({ tls: true });
    onTestFinished(() => server.close());
    const one = await replica(server.url);
    expect(one.log.lines.find(({ event }) => event === 'redis_unavailable')?.msg).toContain('is not trusted');
    expect(one.bus.connected).toBe(false);
  });
});
