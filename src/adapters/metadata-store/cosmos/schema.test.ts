import { afterAll, beforeAll, expect, it } from 'vitest';
import { randomBytes } from 'node:crypto';
import { cosmosOptions } from '../../../../test/support/cosmos-options.ts';
import { type CosmosServer, startCosmosServer } from '../../../../test/support/servers/cosmos.ts';
import { systemClock } from '../../clock/system-clock.ts';
import { CosmosAccount } from './cosmos-account.ts';
import { CosmosContainer } from './cosmos-container.ts';
import { CosmosItems } from './cosmos-items.ts';
import { type CosmosMigration, migrateContainer, readSchema } from './schema.ts';

let server: CosmosServer;

beforeAll(async () => {
  server = await startCosmosServer();
});

afterAll(async () => {
  await server.close();
});

it('runs the steps that are missing, in order, and moves the version once for each, whoever else does the same', async () => {
  const account = await CosmosAccount.open(cosmosOptions(server.endpoint));
  const container = new CosmosContainer({ container: await account.container('Session', true), clock: systemClock, random: randomBytes, readsMayBeOld: true });
  const items = new CosmosItems(container, randomBytes);
  const ran: number[] = [];
  const steps: readonly CosmosMigration[] = [1, 2, 3].map((version) => ({ version, name: `step ${version}`, run: async () => void ran.push(version) }));

  await migrateContainer(items, steps.slice(0, 1), 10);
  await Promise.all(Array.from({ length: 3 }, () => migrateContainer(items, steps, 20)));
  await migrateContainer(items, steps, 30);

  expect((await readSchema(items))?.schema).toEqual({ version: 3, steps: [{ version: 1, name: 'step 1', appliedAt: 10 }, ...[2, 3].map((version) => ({ version, name: `step ${version}`, appliedAt: 20 }))] });
  expect(ran[0]).toBe(1);
  expect(ran.filter((version) => version === 1)).toHaveLength(1);
  expect(ran.lastIndexOf(2)).toBeLessThan(ran.lastIndexOf(3));
  await expect(migrateContainer(items, steps.slice(0, 2), 40)).rejects.toMatchObject({ name: 'NewerDatabaseError', found: 3, known: 2 });
  account.close();
});
