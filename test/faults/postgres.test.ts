import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { openPostgresStore } from '../../src/adapters/metadata-store/postgres/open-postgres.ts';
import type { MetadataStore } from '../../src/ports/metadata-store.ts';
import { eventually } from '../support/eventually.ts';
import { postgresOptions } from '../support/postgres-options.ts';
import { type PostgresTestServer, startPostgres } from '../support/servers/postgres.ts';
import type { TestDatabase } from '../support/servers/postgres-databases.ts';
import { startTcpProxy, type TcpFault, type TcpProxy } from '../support/servers/tcp-proxy.ts';
import { describeWithPostgres, sharedPostgres } from '../support/servers/with-postgres.ts';
import { auditRow, credentialKey, credentialRecord, gatewayKeyRecord, placeRows, usageEvent } from '../contract/metadata-store-records.ts';
import { expectCode } from '../contract/metadata-store-rule.ts';

describeWithPostgres('PostgreSQL behind a network', () => {
  let database: TestDatabase;
  let proxy: TcpProxy;
  let store: MetadataStore;
  beforeAll(async () => {
    database = await sharedPostgres().create();
  });
  beforeEach(async () => {
    proxy = await startTcpProxy(sharedPostgres().port);
    store = await openPostgresStore(postgresOptions(database.url.replace(`:${sharedPostgres().port}/`, `:${proxy.port}/`)));
  });
  afterEach(async () => {
    await store.close();
    await proxy.close();
  });

  const writes: readonly { readonly title: string; readonly run: (name: string) => Promise<unknown>; readonly happened: (name: string) => Promise<boolean> }[] = [
    {
      title: 'create',
      run: (name) => store.credentials.create(credentialKey('acme', 'openai', name), credentialRecord(credentialKey('acme', 'openai', name))),
      happened: async (name) => (await store.credentials.get(credentialKey('acme', 'openai', name)))?.revision === 1,
    },
    {
      title: 'replace',
      run: async (name) => store.gatewayKeys.replace({ id: name }, gatewayKeyRecord(name, 'changed'), 1),
      happened: async (name) => (await store.gatewayKeys.get({ id: name }))?.record.tenant === 'changed',
    },
    {
      title: 'remove',
      run: (name) => store.gatewayKeys.remove({ id: name }, 1),
      happened: async (name) => (await store.gatewayKeys.get({ id: name })) === undefined,
    },
    {
      title: 'placing audit rows',
      run: async (name) => placeRows(store.audit, await store.audit.size(), [auditRow(name), auditRow(`${name}-2`)]),
      happened: async (name) => (await store.audit.find(`${name}-2`)) !== undefined,
    },
    {
      title: 'a usage batch',
      run: (name) => store.usage.putBatch({ tenant: name, journal: 'j1', segment: 1, events: [usageEvent(name)] }),
      happened: async (name) => (await store.usage.listBatches(name, { from: 0, to: Number.MAX_SAFE_INTEGER }, { limit: 1 })).items.length === 1,
    },
  ];

  it.each(writes)('R0.3: a connection cut in the middle of $title is unavailable, and the write happened or did not, as a whole', async ({ title, run, happened }) => {
    for (const fault of ['drop-request', 'drop-answer'] satisfies TcpFault[]) {
      const name = `${title.replaceAll(' ', '-')}-${fault}`;
      await store.gatewayKeys.create({ id: name }, gatewayKeyRecord(name, 'acme'));
      const sql = { create: 'insert into "credentials"', replace: 'update "gateway_keys"', remove: 'update "gateway_keys"', 'placing audit rows': 'insert into "audit_rows"', 'a usage batch': 'insert into "usage_batches"' }[title] ?? '';
      proxy.break(fault, sql);
      await expectCode(run(name), 'unavailable');
      expect(proxy.broken).toBe(1);
      // What was not answered may still be under way; nothing but time tells.
      if (fault === 'drop-answer') await eventually(() => happened(name), () => `${title} did not happen`);
      else expect(await happened(name)).toBe(false);
    }
  });

  it('a read whose connection breaks is asked again, and its caller sees nothing of it', async () => {
    await store.gatewayKeys.create({ id: 'g1' }, gatewayKeyRecord('g1', 'acme'));
    proxy.cut();
    expect(await store.gatewayKeys.get({ id: 'g1' })).toMatchObject({ revision: 1 });
    proxy.break('drop-request', 'from "gateway_keys"');
    expect(await store.gatewayKeys.get({ id: 'g1' })).toMatchObject({ revision: 1 });
    proxy.break('drop-answer', 'from "gateway_keys"', 2);
    await expectCode(store.gatewayKeys.list('acme', { limit: 1 }), 'unavailable');
    proxy.heal();
    expect((await store.gatewayKeys.list('acme', { limit: 1 })).items).toHaveLength(1);
  });

  it.each([
    ['whose connections stay open', () => undefined],
    ['that takes new connections and says nothing', () => proxy.cut()],
  ])('a server that has gone silent, %s, holds few callers up and then none', async (_, cut) => {
    await store.ping();
    proxy.silence();
    cut();
    await expectCode(store.ping(), 'unavailable');
    const began = performance.now();
    await Promise.all(Array.from({ length: 50 }, () => expectCode(store.ping(), 'unavailable')));
    expect(performance.now() - began).toBeLessThan(1_000);
    proxy.heal();
    proxy.cut();
    await eventually(() => isThere(store), () => 'the database was not found again');
  });
});

describeWithPostgres('a PostgreSQL that restarts', () => {
  let server: PostgresTestServer;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server.close());

  it('is found again, with everything that was answered, and the process lives on', async () => {
    const { url } = await server.databases.create();
    const store = await openPostgresStore(postgresOptions(url));
    const answered: string[] = [];
    let unavailable = 0;
    const work = new AbortController();
    const writers = Array.from({ length: 4 }, async (_, writer) => {
      for (let index = 0; !work.signal.aborted; index += 1) {
        const id = `g-${writer}-${index}`;
        await store.gatewayKeys.create({ id }, gatewayKeyRecord(id, 'acme')).then(
          () => answered.push(id),
          async () => {
            unavailable += 1;
            await new Promise((resolve) => setTimeout(resolve, 20));
          },
        );
      }
    });
    await eventually(() => answered.length > 20, () => 'nothing was written');
    await server.kill();
    await eventually(() => unavailable > 4, () => 'nobody noticed');
    await expectCode(store.ping(), 'unavailable');
    await server.start();
    const before = answered.length;
    await eventually(() => answered.length > before + 20, () => 'the database was not found again');
    work.abort();
    await Promise.all(writers);
    for (const id of answered) expect(await store.gatewayKeys.get({ id })).toMatchObject({ revision: 1 });
    await store.close();
  });
});

async function isThere(store: MetadataStore): Promise<boolean> {
  return store.ping().then(
    () => true,
    () => false,
  );
}
