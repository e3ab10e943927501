import { randomBytes } from 'node:crypto';
import { expect, it, onTestFinished } from 'vitest';
import { LeaseTable } from '../../src/adapters/limit-leases/lease-table.ts';
import { createRedisLeases } from '../../src/adapters/limit-leases/redis-leases.ts';
import { answerLease, createWorkerLeases, type LeaseQuestion } from '../../src/adapters/limit-leases/worker-leases.ts';
import { openRedis } from '../../src/adapters/redis/redis-connection.ts';
import { HELD_MS } from '../../src/ports/limit-leases.ts';
import { SecretValue } from '../../src/ports/secret-value.ts';
import { TestClock } from '../support/credential-world.ts';
import { eventually } from '../support/eventually.ts';
import { RecordingLog } from '../support/recording-log.ts';
import { startRedis } from '../support/servers/redis.ts';
import { limitLeasesContract } from './limit-leases-contract.ts';
import { ledgersOn, rulesFor, tried } from './rate-ledger-contract.ts';

const clock = { now: () => Date.now(), monotonic: () => performance.now() };

limitLeasesContract({ name: 'in one process', open: async () => ({ sides: [new LeaseTable(clock)], close: async () => undefined }) });

limitLeasesContract({
  name: 'in the first process of several workers',
  open: async () => {
    const table = new LeaseTable(clock);
    // As it goes from process to process.
    const overTheChannel = async (question: LeaseQuestion): Promise<unknown> => {
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
      return JSON.parse(JSON.stringify(answerLease(table, JSON.parse(JSON.stringify(question)) as LeaseQuestion)));
    };
    return { sides: [createWorkerLeases(overTheChannel), createWorkerLeases(overTheChannel)], close: async () => undefined };
  },
});

/** A real Redis, and so many replicas on it. */
async function redisWith(replicas: number) {
  const server = await startRedis();
  const connections = await Promise.all(Array.from({ length: replicas }, () => openRedis({ url: new SecretValue(server.url), address: '127.0.0.1', log: new RecordingLog(), random: randomBytes })));
  return {
    server,
    sides: connections.map((connection) => createRedisLeases(connection, 'root_0123456789abcdef')),
    close: async () => {
      for (const connection of connections) connection.close();
      await server.close();
    },
  };
}

limitLeasesContract({
  name: 'in a real Redis',
  open: async () => {
    const { server, sides, close } = await redisWith(2);
    return {
      sides,
      close: async () => {
        for (const name of (await server.command('KEYS', '*')) as readonly string[]) {
          expect(name).toMatch(/^keyhold:root_0123456789abcdef:limit:/u);
          expect(Number(await server.command('PTTL', name))).toBeGreaterThan(0);
        }
        await close();
      },
    };
  },
});

it('R5.4: while Redis is away each of four replicas has its share, neither nothing nor more; when it is back, all of that counts', async () => {
  const { server, sides, close } = await redisWith(4);
  onTestFinished(close);
  const ledgers = ledgersOn(sides);
  const rules = rulesFor({ requests: [{ max: 100, per: 'day' }] });
  const small = rulesFor({ requests: [{ max: 2, per: 'day' }] });
  const admitted = async (limited: typeof rules, each: number): Promise<readonly number[]> =>
    Promise.all(ledgers.map(async (ledger) => (await Promise.all(Array.from({ length: each }, () => tried(() => ledger.admit(limited, 0))))).filter((one) => one !== undefined).length));
  expect(await admitted(rules, 10)).toEqual([10, 10, 10, 10]);
  server.pause();
  // Whoever asks first finds out after half a second; what it had asked for may come when Redis goes on.
  expect(await admitted(rules, 40)).toEqual([15, 15, 15, 15]);
  expect(await admitted(small, 3)).toEqual([1, 1, 1, 1]);
  server.resume();
  await eventually(async () => (await admitted(rules, 1)).every((one) => one === 0), () => 'What was used meanwhile is not known.');
  await server.kill();
  expect((await admitted(small, 3)).reduce((sum, one) => sum + one, 0)).toBe(0);
  await server.start();
  // It has forgotten everything, so all of the limit can be had once more, and no more than that.
  let again = 0;
  await eventually(
    async () => {
      again += (await admitted(rules, 20)).reduce((sum, one) => sum + one, 0);
      return again > 0;
    },
    () => 'Nothing is admitted any more.',
  );
  await admitted(rules, 40);
  expect(again).toBeLessThanOrEqual(100);
});

it('R5.4: when the clock of Redis is set back, a window of a second does not last for the hours until it comes there again, which would be a limit of nothing', async () => {
  const { server, sides, close } = await redisWith(1);
  onTestFinished(close);
  const ask = { key: 'k', windowMs: 1_000, max: 5, need: 5, surplus: 0, back: { window: -1, amount: 0 }, beyond: 0 };
  const { window } = await sides[0]!.window(ask);
  const key = 'keyhold:root_0123456789abcdef:limit:k';
  // As it was written before, by a clock that was an hour ahead. A step of less than a window opens no other.
  await server.command('HSET', key, 'window', String(window + 3_600), 'used', '5');
  expect(await sides[0]!.window(ask)).toMatchObject({ granted: 5, leftMs: expect.toSatisfy((ms: number) => ms <= 1_000) });
  const now = Math.floor(Number(((await server.command('TIME')) as readonly string[])[0]));
  await server.command('HSET', key, 'window', String(now + 1), 'used', '5');
  expect((await sides[0]!.window(ask)).granted).toBe(0);
  const held = { key: 'h', max: 5, open: 0, want: 5, holder: 'here' };
  await server.command('HSET', 'keyhold:root_0123456789abcdef:limit:h', 'gone', `5:${(now + 3_600) * 1_000}`);
  expect(await sides[0]!.held(held)).toBe(0);
  const [, until] = String(await server.command('HGET', 'keyhold:root_0123456789abcdef:limit:h', 'gone')).split(':');
  expect(Number(until)).toBeLessThanOrEqual((now + 60) * 1_000);
});

it('a holder that says nothing any more is forgotten, and a first process that does not answer is an error', async () => {
  const test = new TestClock();
  const table = new LeaseTable(test);
  const ask = { key: 'k', max: 5, open: 0, want: 5 };
  expect(table.held({ ...ask, holder: 'dead' })).toBe(5);
  test.advance(HELD_MS - 1);
  expect(table.held({ ...ask, holder: 'alive' })).toBe(0);
  test.advance(1);
  expect(table.held({ ...ask, holder: 'alive' })).toBe(5);
  const silent = createWorkerLeases(async () => undefined);
  await expect(silent.window({ key: 'k', windowMs: 1, max: 1, need: 1, surplus: 0, back: { window: -1, amount: 0 }, beyond: 0 })).rejects.toThrow('did not answer');
});
