import { randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import { LeaseTable } from '../../src/adapters/limit-leases/lease-table.ts';
import { createRedisLeases } from '../../src/adapters/limit-leases/redis-leases.ts';
import { answerLease, createWorkerLeases, type LeaseQuestion } from '../../src/adapters/limit-leases/worker-leases.ts';
import { openRedis } from '../../src/adapters/redis/redis-connection.ts';
import { HELD_MS } from '../../src/ports/limit-leases.ts';
import { SecretValue } from '../../src/ports/secret-value.ts';
import { TestClock } from '../support/credential-world.ts';
import { RecordingLog } from '../support/recording-log.ts';
import { startRedis } from '../support/servers/redis.ts';
import { limitLeasesContract } from './limit-leases-contract.ts';

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

limitLeasesContract({
  name: 'in a real Redis',
  open: async () => {
    const server = await startRedis();
    const connect = () => openRedis({ url: new SecretValue(server.url), address: '127.0.0.1', log: new RecordingLog(), random: randomBytes });
    const connections = [await connect(), await connect()];
    return {
      sides: connections.map((connection) => createRedisLeases(connection, 'root_0123456789abcdef')),
      close: async () => {
        for (const name of (await server.command('KEYS', '*')) as readonly string[]) {
          expect(name).toMatch(/^keyhold:root_0123456789abcdef:limit:/u);
          expect(Number(await server.command('PTTL', name))).toBeGreaterThan(0);
        }
        for (const connection of connections) connection.close();
        await server.close();
      },
    };
  },
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
