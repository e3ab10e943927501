import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openCosmosStore } from '../../src/adapters/metadata-store/cosmos/open-cosmos.ts';
import type { MetadataStore } from '../../src/ports/metadata-store.ts';
import { auditRow, credentialKey, credentialRecord, gatewayKeyRecord, placeRows, usageEvent } from '../contract/metadata-store-records.ts';
import { expectCode } from '../contract/metadata-store-rule.ts';
import { cosmosOptions } from '../support/cosmos-options.ts';
import { failure, until } from '../support/outcome.ts';
import { cosmosKey, type CosmosServer, startCosmosServer } from '../support/servers/cosmos.ts';
import { type Fault, type FaultProxy, type ProxiedRequest, startFaultProxy } from '../support/servers/fault-proxy.ts';

let server: CosmosServer;
let way: FaultProxy;
/** Through the proxy. */
let store: MetadataStore;
/** Beside it. */
let other: MetadataStore;
let databases = 0;

beforeAll(async () => {
  server = await startCosmosServer();
});

afterAll(async () => {
  await server.close();
});

beforeEach(async () => {
  databases += 1;
  way = await startFaultProxy(server.endpoint);
  store = await openCosmosStore(cosmosOptions(way.url, `faults-${databases}`));
  other = await openCosmosStore(cosmosOptions(server.endpoint, `faults-${databases}`));
});

afterEach(async () => {
  await store.close();
  await other.close();
  await way.close();
});

/** Creates and replaces of items; a query is a POST, too. */
function isWrite({ method, headers }: ProxiedRequest): boolean {
  return method === 'PUT' || (method === 'POST' && headers['x-ms-documentdb-isquery'] === undefined && headers['x-ms-cosmos-is-query-plan-request'] === undefined);
}

function answer(status: number, headers: Readonly<Record<string, string>> = {}, after?: 'carried-out'): Fault {
  return { kind: 'answer', status, headers: { 'content-type': 'application/json', ...headers }, body: '{"code":"x","message":"of the server"}', ...(after === undefined ? {} : { after }) };
}

const key = credentialKey('acme');

interface Write {
  readonly title: string;
  readonly before?: () => Promise<unknown>;
  readonly run: () => Promise<unknown>;
  /** How often it has happened. */
  readonly times: () => Promise<number>;
}

const writes: readonly Write[] = [
  { title: 'create', run: () => store.credentials.create(key, credentialRecord(key)), times: async () => (await other.credentials.get(key))?.revision ?? 0 },
  {
    title: 'replace',
    before: () => other.credentials.create(key, credentialRecord(key)),
    run: () => store.credentials.replace(key, credentialRecord(key, { notes: 'changed' }), 1),
    times: async () => ((await other.credentials.get(key))?.revision ?? 0) - 1,
  },
  {
    title: 'remove',
    before: () => other.gatewayKeys.create({ id: 'g1' }, gatewayKeyRecord('g1', 'acme')),
    run: () => store.gatewayKeys.remove({ id: 'g1' }, 1),
    times: async () => ((await other.gatewayKeys.get({ id: 'g1' })) === undefined ? 1 : 0),
  },
  { title: 'placing audit rows', run: () => placeRows(store.audit, 0, [auditRow('a0'), auditRow('a1')]), times: async () => (await other.audit.size()) / 2 },
  {
    title: 'a usage batch',
    run: () => store.usage.putBatch({ tenant: 'acme', journal: 'j1', segment: 1, events: [usageEvent('u1')] }),
    times: async () => (await other.usage.listBatches('acme', { from: 0, to: Number.MAX_SAFE_INTEGER }, { limit: 10 })).items.length,
  },
];

const lost: readonly { readonly what: string; readonly fault: Fault }[] = [
  { what: 'the request is lost', fault: { kind: 'drop-request' } },
  { what: 'the answer is lost', fault: { kind: 'drop-answer' } },
  { what: 'the answer is cut', fault: { kind: 'cut', bytes: 20 } },
  { what: '408 comes after it was done', fault: answer(408, {}, 'carried-out') },
  { what: '503 comes after it was done', fault: answer(503, {}, 'carried-out') },
  { what: '410 comes instead', fault: answer(410) },
  { what: 'a proxy answers with a page', fault: { kind: 'answer', status: 502, headers: { 'content-type': 'text/html' }, body: '<h1>Bad gateway</h1>', after: 'carried-out' } },
];

describe('a write to Cosmos DB', () => {
  it.each(writes.flatMap((write) => lost.map((trouble) => ({ ...write, ...trouble }))))('R5.7 $title happens once though $what', async ({ before, run, times, fault }) => {
    await before?.();
    way.break(fault, isWrite, 1);
    await run();
    expect(await times()).toBe(1);
  });

  it.each(writes)('R0.3 $title whose answers are all lost is unavailable, and has happened once at most', async ({ before, run, times }) => {
    await before?.();
    way.break({ kind: 'drop-answer' }, isWrite);
    await expectCode(run(), 'unavailable');
    expect(await times()).toBe(1);
    expect(way.requests.filter(isWrite).length).toBeLessThan(12);
  });

  it('is refused for good where another one was first while its own request was lost', async () => {
    let sends = 0;
    way.breakBy((request) => {
      if (!isWrite(request)) return undefined;
      sends += 1;
      return sends === 1 ? { kind: 'drop-request' } : { kind: 'delay', ms: 2_000 };
    });
    const mine = failure(store.credentials.create(key, credentialRecord(key, { notes: 'mine' })));
    await other.credentials.create(key, credentialRecord(key, { notes: 'of the other' }));
    expect(await mine).toMatchObject({ code: 'already_exists' });
    expect((await other.credentials.get(key))?.record.notes).toBe('of the other');
  });

  it('is unavailable, not a conflict, where others have written on before it could be found out', async () => {
    await other.credentials.create(key, credentialRecord(key));
    let sends = 0;
    way.breakBy((request) => {
      if (!isWrite(request)) return undefined;
      sends += 1;
      return sends === 1 ? { kind: 'drop-answer' } : { kind: 'delay', ms: 3_000 };
    });
    const mine = failure(store.credentials.replace(key, credentialRecord(key, { notes: 'mine' }), 1));
    await until('my write', async () => (await other.credentials.get(key))?.record.notes === 'mine');
    await other.credentials.replace(key, credentialRecord(key, { notes: 'of the other' }), 2);
    expect(await mine).toMatchObject({ code: 'unavailable', cause: { trouble: 'unsettled' } });
    expect(await other.credentials.get(key)).toMatchObject({ revision: 3, record: { notes: 'of the other' } });
  });
});

describe('Cosmos DB that is asked too much', () => {
  it('R5.7 is asked again when it says so', async () => {
    way.break(answer(429, { 'x-ms-retry-after-ms': '20', 'x-ms-substatus': '3200' }), () => true, 6);
    const began = performance.now();
    await store.credentials.create(key, credentialRecord(key));
    expect(performance.now() - began).toBeGreaterThan(100);
    way.break(answer(449), () => true, 3);
    expect((await store.credentials.replace(key, credentialRecord(key), 1)).revision).toBe(2);
  });

  it('R0.3 is given up at once where it asks for more than there is patience for', async () => {
    way.break(answer(429, { 'x-ms-retry-after-ms': '60000' }));
    const began = performance.now();
    expect(await failure(store.credentials.get(key))).toMatchObject({ code: 'unavailable', retryAfterSeconds: 60, cause: { trouble: 'busy' } });
    expect(await failure(store.credentials.create(key, credentialRecord(key)))).toMatchObject({ code: 'unavailable', retryAfterSeconds: 60 });
    expect(performance.now() - began).toBeLessThan(4_000);
  });

  it('R0.3 is given up after some seconds where it goes on asking for patience', async () => {
    way.break(answer(429, { 'x-ms-retry-after-ms': '200' }));
    await expectCode(store.credentials.get(key), 'unavailable');
    expect(way.requests.length).toBeLessThan(60);
  });
});

describe('a read from Cosmos DB', () => {
  beforeEach(async () => {
    await other.credentials.create(key, credentialRecord(key));
  });

  it.each([{ kind: 'drop-request' }, { kind: 'drop-answer' }, { kind: 'cut', bytes: 30 }] satisfies readonly Fault[])('is repeated where the connection breaks: $kind', async (fault) => {
    way.break(fault, () => true, 1);
    expect((await store.credentials.get(key))?.revision).toBe(1);
  });

  it('R0.3 does not take a replica that is behind, a container that is gone, or a page of a proxy for an absent record', async () => {
    way.break(answer(404, { 'x-ms-substatus': '1002' }), () => true, 3);
    expect((await store.credentials.get(key))?.revision).toBe(1);
    const strange: readonly [string, Fault][] = [
      ['gone', answer(404, { 'x-ms-substatus': '1003' })],
      ['not-cosmos', { kind: 'answer', status: 404, headers: { 'content-type': 'text/html' }, body: '<h1>Not found</h1>' }],
      ['not-cosmos', { kind: 'answer', status: 200, body: '' }],
      ['broken', { kind: 'garbage' }],
      ['failing', answer(500)],
    ];
    for (const [trouble, fault] of strange) {
      way.break(fault);
      expect(await failure(store.credentials.get(key))).toMatchObject({ code: 'unavailable', cause: { trouble } });
      expect(await failure(store.credentials.list(key.scope, { limit: 10 }))).toMatchObject({ code: 'unavailable' });
    }
  });

  it('R5.7 ends after 5 s where nothing comes, then at once, and finds it again when it is back', async () => {
    let at = 0;
    const patient = await openCosmosStore({ ...cosmosOptions(way.url, `faults-${databases}`), timeoutMs: 5_000, clock: { now: () => Date.now(), monotonic: () => at } });
    way.break({ kind: 'silence' });
    const silent = await failure(patient.credentials.get(key));
    expect(silent).toMatchObject({ code: 'unavailable', cause: { trouble: 'silent' } });
    expect(Object.keys((silent as Error).cause ?? {}).toSorted()).toEqual(['mayHaveHappened', 'name', 'retryAfterMs', 'trouble']);
    const asked = way.requests.length;
    at = 499;
    for (let call = 0; call < 20; call += 1) expect(await failure(patient.credentials.get(key))).toMatchObject({ code: 'unavailable', cause: { trouble: 'resting' } });
    expect(way.requests.length).toBe(asked);
    way.heal();
    at = 500;
    expect((await patient.credentials.get(key))?.revision).toBe(1);
    await patient.close();
  });

  it('R5.7 ends at once where nobody listens', async () => {
    const away = await startFaultProxy(server.endpoint);
    const through = await openCosmosStore(cosmosOptions(away.url, `faults-${databases}`));
    await away.close();
    expect(await failure(through.credentials.get(key))).toMatchObject({ code: 'unavailable', cause: { trouble: expect.stringMatching(/^(?:unreachable|resting)$/u) } });
    await through.close();
  });

  it('R10.1 says in the log what to do where it is refused, and shows neither the key nor what the server said', async () => {
    for (const [fault, words] of [
      [answer(401), 'COSMOS_DB_KEY'],
      [answer(403, { 'x-ms-substatus': '5301' }), 'Cosmos DB Built-in Data Contributor'],
      [{ ...answer(403), body: '{"message":"Request originated from IP 192.0.2.1 through public internet. This is blocked by your Cosmos DB account firewall settings."}' } as Fault, '--ip-range-filter'],
      [answer(403, { 'x-ms-substatus': '1014' }), '20 GB'],
    ] as const) {
      way.break(fault);
      const error = await failure(store.credentials.create(key, credentialRecord(key)));
      expect(error).toMatchObject({ code: 'unavailable', cause: { message: expect.stringContaining(words) } });
      const shown = `${String(error)} ${JSON.stringify(error)} ${String((error as Error).cause)} ${JSON.stringify((error as Error).cause)}`;
      for (const secret of [cosmosKey, 'of the server', '192.0.2.1']) expect(shown).not.toContain(secret);
    }
  });
});

describe('what is larger than an item may be', () => {
  const events = Array.from({ length: 4_000 }, (_, index) => usageEvent(`use_${index}`, { endUser: `"${'\\'.repeat(40)}🗝${'é'.repeat(60)}"` }));
  const batch = { tenant: 'acme', journal: 'j1', segment: 1, events };
  const always = { from: 0, to: Number.MAX_SAFE_INTEGER };

  it('is kept in pieces of less than 2 MB, whole or not at all', async () => {
    way.break({ kind: 'drop-answer' }, (request) => isWrite(request) && request.body.includes('usage-batch'), 2);
    await store.usage.putBatch(batch);
    await store.usage.putBatch({ ...batch, events: [] });
    expect(way.requests.filter(isWrite).length).toBeGreaterThan(4);
    for (const { body } of way.requests) expect(Buffer.byteLength(body)).toBeLessThan(2_000_000);
    expect((await other.usage.listBatches('acme', always, { limit: 1 })).items).toEqual([batch]);

    way.break({ kind: 'drop-request' }, (request) => isWrite(request) && !request.body.includes('"kind":"part"'));
    await expectCode(store.usage.putBatch({ ...batch, segment: 2 }), 'unavailable');
    expect((await other.usage.listBatches('acme', always, { limit: 10 })).items).toHaveLength(1);
  });

  it('leaves none of its pieces when it is replaced or removed', async () => {
    const large = credentialRecord(key, { notes: '🗝'.repeat(400_000) });
    await store.credentials.create(key, large);
    expect((await other.credentials.get(key))?.record).toEqual(large);
    await store.credentials.replace(key, credentialRecord(key), 1);
    await store.credentials.replace(key, large, 2);
    expect(await other.credentials.get(key)).toEqual({ record: large, revision: 3 });
    await store.credentials.remove(key, 3);
    const [made, gone] = [(request: ProxiedRequest) => request.body.includes('"kind":"part"'), ({ method }: ProxiedRequest) => method === 'DELETE'].map((of) => way.requests.filter(of).length);
    expect(made).toBe(4);
    expect(gone).toBe(4);
  });
});
