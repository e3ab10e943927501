import { afterAll, beforeAll, expect, it } from 'vitest';
import { OutageProof, outageTestMs, runsLong } from '../support/outage-proof.ts';
import type { TestDatabase } from '../support/servers/postgres-databases.ts';
import { type PostgresTestServer, startPostgres } from '../support/servers/postgres.ts';
import { startTcpProxy, type TcpProxy } from '../support/servers/tcp-proxy.ts';
import { describeWithPostgres, sharedPostgres } from '../support/servers/with-postgres.ts';
import { startStoreWorld, type StoreWorld } from '../support/store-world.ts';

/** Records are cached for ten seconds: only an outage that takes longer shows that they serve on. */
const SECONDS = 12;

let database: TestDatabase;
let proxy: TcpProxy;
let world: StoreWorld;
let proof: OutageProof;

async function refusesNobody(): Promise<void> {
  const ready = await fetch(`${world.product().url}/readyz`);
  // The bus goes with it, since what changes on other replicas is told over the same database.
  expect([ready.status, await ready.json()]).toEqual([200, { ready: true, degraded: expect.arrayContaining(['database']) as unknown }]);
  const [tenant] = proof.tenants;
  const put = await tenant?.admin.call('PUT', `/api/v1/tenants/${tenant.id}/credentials/openai`, { fields: { api_key: 'sk-test-cannot-be-kept-now-1' } });
  expect([put?.status, Number(put?.headers.get('retry-after')) > 0]).toEqual([503, true]);
}

/** Not one request that a provider answered is missing in what is accounted. */
async function allIsAccounted(): Promise<void> {
  let accounted = 0;
  for (const { id, admin } of proof.tenants) {
    const { body } = await admin.must('GET', `/api/v1/tenants/${id}/usage`);
    accounted += (body['totals'] as { readonly requests: number }).requests;
  }
  expect(accounted).toBe(world.provider.requests.length);
}

describeWithPostgres('R5.3 R10.3 DESIGN «Stale serving»: nobody notices when the database', () => {
  beforeAll(async () => {
    database = await sharedPostgres().create();
    proxy = await startTcpProxy(sharedPostgres().port);
    world = await startStoreWorld({ KEYHOLD_DATABASE_URL: database.url.replace(`:${sharedPostgres().port}/`, `:${proxy.port}/`) });
    proof = new OutageProof(world);
    await proof.serve();
  });
  afterAll(async () => {
    await world.close();
    await proxy.close();
  });

  it('takes connections and says nothing; usage waits and is complete', async () => {
    await proof.prove({ begin: () => proxy.silence(), end: () => proxy.heal(), seconds: SECONDS, during: refusesNobody });
    await allIsAccounted();
    const told = world.product().logLines().filter(({ event }) => event === 'serving_stale');
    expect(told.map(({ name }) => name)).toContain('database');
  }, outageTestMs);

  it('ends every connection and takes none', async () => {
    const { name } = database;
    await proof.prove({
      begin: async () => {
        await sharedPostgres().query(`ALTER ROLE ${name} NOLOGIN`);
        await sharedPostgres().query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '${name}'`);
      },
      end: async () => void (await sharedPostgres().query(`ALTER ROLE ${name} LOGIN`)),
      during: refusesNobody,
    });
    await allIsAccounted();
  }, outageTestMs);
});

if (runsLong) {
  describeWithPostgres('the same of a database server of its own that', () => {
    let server: PostgresTestServer;
    beforeAll(async () => {
      server = await startPostgres();
      world = await startStoreWorld({ KEYHOLD_DATABASE_URL: (await server.databases.create()).url });
      proof = new OutageProof(world);
      await proof.serve();
    });
    afterAll(async () => {
      await world.close();
      await server.close();
    });

    it('is killed', async () => {
      await proof.prove({ begin: () => server.kill(), end: () => server.start(), during: refusesNobody });
      await allIsAccounted();
    }, outageTestMs);
  });
}
