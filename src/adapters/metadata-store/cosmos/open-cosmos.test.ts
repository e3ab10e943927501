import { CosmosClient } from '@azure/cosmos';
import { readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { cosmosOptions } from '../../../../test/support/cosmos-options.ts';
import { failure } from '../../../../test/support/outcome.ts';
import { RecordingLog } from '../../../../test/support/recording-log.ts';
import { cosmosKey, type CosmosServer, startCosmosServer } from '../../../../test/support/servers/cosmos.ts';
import { type FaultProxy, startFaultProxy } from '../../../../test/support/servers/fault-proxy.ts';
import { isKeyholdInCosmos, openCosmosStore } from './open-cosmos.ts';

let server: CosmosServer;
let way: FaultProxy;
let databases = 0;
let database: string;

beforeAll(async () => {
  server = await startCosmosServer();
});

afterAll(async () => {
  await server.close();
});

beforeEach(async () => {
  databases += 1;
  database = `open-${databases}`;
  way = await startFaultProxy(server.endpoint);
});

afterEach(async () => {
  await way.close();
});

/** The account says that it is otherwise than it is. */
function accountIs(changes: Readonly<Record<string, unknown>>): void {
  const account = { id: 'test', _dbs: '//dbs/', media: '//media/', writableLocations: [], readableLocations: [], enableMultipleWriteLocations: false, userConsistencyPolicy: { defaultConsistencyLevel: 'Session' }, ...changes };
  way.break({ kind: 'answer', status: 200, headers: { 'content-type': 'application/json' }, body: JSON.stringify(account) }, ({ path }) => path === '/');
}

async function refusal(): Promise<unknown> {
  return failure(openCosmosStore({ ...cosmosOptions(way.url, database), waitMs: 0 }));
}

describe('openCosmosStore', () => {
  it('makes database and container once, whoever starts at the same time', async () => {
    const stores = await Promise.all(Array.from({ length: 4 }, () => openCosmosStore(cosmosOptions(server.endpoint, database))));
    await stores[0]?.tenants.list({ limit: 1 });
    for (const store of stores) await expect(store.ping()).resolves.toBeUndefined();
    const results = await Promise.allSettled(stores.map((store, index) => store.platform.create({ name: 'first-start' }, { name: 'first-start', tokenId: `t${index}`, createdAt: 1 })));
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const store of stores) await store.close();
  });

  it('makes the container with the index that docs/databases.md has for who makes it by hand', async () => {
    await (await openCosmosStore(cosmosOptions(way.url, database))).close();
    const made: unknown = JSON.parse(way.requests.find(({ method, path }) => method === 'POST' && path.endsWith('/colls'))?.body ?? '');
    const guide = readFileSync(new URL('../../../../docs/databases.md', import.meta.url), 'utf8');
    expect(made).toEqual({ id: 'keyhold', partitionKey: { paths: ['/pk'], version: 2 }, indexingPolicy: JSON.parse(/^ {4}(?<index>\{"indexingMode".*)$/mu.exec(guide)?.groups?.['index'] ?? '') });
  });

  it('tells whether a Keyhold was there before, and makes nothing for that', async () => {
    expect(await isKeyholdInCosmos(cosmosOptions(way.url, database))).toBe(false);
    expect(way.requests.every(({ method }) => method === 'GET')).toBe(true);
    await (await openCosmosStore(cosmosOptions(way.url, database))).close();
    expect(await isKeyholdInCosmos(cosmosOptions(way.url, database))).toBe(true);
  });

  it('waits for an account that is away, and says so', async () => {
    way.break({ kind: 'drop-request' }, () => true, 4);
    const log = new RecordingLog();
    await (await openCosmosStore({ ...cosmosOptions(way.url, database), log })).close();
    expect(log.of('database_waiting')).toHaveLength(1);
  });

  it('refuses accounts that cannot keep what Keyhold needs, and says how to change them (exit code 2)', async () => {
    accountIs({ enableMultipleWriteLocations: true });
    expect(await refusal()).toMatchObject({ exitCode: 2, message: expect.stringContaining('--enable-multiple-write-locations false') });
    for (const consistency of ['ConsistentPrefix', 'Eventual']) {
      accountIs({ userConsistencyPolicy: { defaultConsistencyLevel: consistency } });
      expect(await refusal()).toMatchObject({ exitCode: 2, message: expect.stringContaining(`${consistency} consistency`) });
    }
  });

  it.each(['Strong', 'BoundedStaleness'])('asks an account with %s consistency for no less', async (consistency) => {
    accountIs({ userConsistencyPolicy: { defaultConsistencyLevel: consistency } });
    const store = await openCosmosStore(cosmosOptions(way.url, database));
    expect(await store.audit.size()).toBe(0);
    expect(way.requests.filter(({ headers }) => headers['x-ms-consistency-level'] !== undefined)).toEqual([]);
    expect(way.requests.filter(({ method, path }) => method === 'PUT' && !path.includes('/docs/schema.'))).toEqual([]);
    await store.close();
  });

  it('says what to do where it is not let in (exit code 2), without the key', async () => {
    way.break({ kind: 'answer', status: 401, body: `{"message":"the key ${cosmosKey} is wrong"}` });
    const error = await refusal();
    expect(error).toMatchObject({ exitCode: 2, message: expect.stringContaining('COSMOS_DB_KEY') });
    expect(`${String(error)} ${String((error as Error).cause)}`).not.toContain(cosmosKey);
    way.break({ kind: 'answer', status: 403, headers: { 'x-ms-substatus': '5300' }, body: '{"message":"x"}' }, ({ method }) => method === 'POST');
    expect(await refusal()).toMatchObject({ exitCode: 2, message: expect.stringContaining('docs/databases.md has the commands') });
    way.break({ kind: 'drop-request' });
    expect(await refusal()).toMatchObject({ exitCode: 1 });
  });

  it('leaves a container of another program, and a database of a newer Keyhold, as they are', async () => {
    const client = new CosmosClient({ endpoint: server.endpoint, key: cosmosKey, connectionPolicy: { enableEndpointDiscovery: false } });
    await server.fill(database, 'keyhold', []);
    expect(await refusal()).toMatchObject({ exitCode: 1, message: expect.stringContaining('another program') });
    database += '-newer';
    await (await openCosmosStore(cosmosOptions(server.endpoint, database))).close();
    const container = client.database(database).container('keyhold');
    const { resources } = await container.items.query<Record<string, string>>("SELECT * FROM c WHERE c.kind = 'schema'", { partitionKey: 'installation' }).fetchAll();
    const [schema] = resources;
    await container.item(String(schema?.['id']), 'installation').replace({ ...schema, id: String(schema?.['id']), body: JSON.stringify({ version: 99, steps: [] }) });
    expect(await refusal()).toMatchObject({ exitCode: 7, message: expect.stringContaining('version 99') });
    client.dispose();
  });
});
