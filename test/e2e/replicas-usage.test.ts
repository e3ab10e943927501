import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { apiOf, handOver, makeTenant, type TestTenant } from '../support/api.ts';
import { eventually } from '../support/eventually.ts';
import type { Product } from '../support/product.ts';
import { describeWithPostgres, sharedPostgres } from '../support/servers/with-postgres.ts';
import { StoppableReplicas } from '../support/stoppable-replicas.ts';

/** Milliseconds for which a replica may stand still; 30 s in the product. */
const TERM_MS = 3_000;
/** Requests that each replica has under way. */
const AT_ONCE = 3;

describeWithPostgres('four replicas on PostgreSQL, of which one is killed, one vanishes with its disk and one stands still', () => {
  let replicas: StoppableReplicas;

  beforeAll(async () => {
    replicas = await StoppableReplicas.create({ TEST_LEASE_MS: String(TERM_MS), TEST_RECONCILE_MS: '500' });
  });

  afterAll(async () => replicas.close());

  it('a start leaves alone what another replica has under way, and R1.4 of those who write together one wins', async () => {
    const own = await sharedPostgres().create();
    const hold = join(await replicas.folder(), 'stop');
    await writeFile(hold, 'hold put.begun\n');
    const shared = { KEYHOLD_DATABASE_URL: own.url };
    const firstFolder = await replicas.folder();
    const writer = await replicas.start(firstFolder, { ...shared, TEST_STOP_FILE: hold, TEST_INTENT_MS: '600000' });
    const acme = await makeTenant(writer, 'acme');
    const put = { fields: { api_key: 'sk-test-key-that-stays-open-0001' } };
    const path = '/api/v1/tenants/acme/credentials/openai';
    void acme.admin.call('PUT', path, put).catch(() => undefined);
    const second = await replicas.folderLike(firstFolder);
    const starter = apiOf((await replicas.start(second, shared)).url, acme.admin.token);
    const answers = await Promise.all([1, 2, 3].map(() => starter.call('PUT', path, put)));
    expect(answers.map(({ status, body }) => [status, (body['error'] as { code?: unknown } | undefined)?.code])).toEqual([1, 2, 3].map(() => [409, 'conflict']));
  }, 300_000);

  it('R5.3, R3.9: each request that reached the provider is counted once, what was answered as completed; jobs go on elsewhere', async () => {
    const { provider } = replicas;
    const [firstFolder, synchronous] = [await replicas.folder(), { KEYHOLD_JOURNAL: 'synchronous' }];
    const first = await replicas.start(firstFolder);
    const acme = await makeTenant(first, 'acme');
    await handOver(acme, 'openai', 'sk-test-key-of-many-replicas-01');
    const others = [await replicas.folderLike(firstFolder), await replicas.folderLike(firstFolder), await replicas.folderLike(firstFolder)] as const;
    const [vanishing, standing, steady] = await Promise.all([replicas.start(others[0], synchronous), replicas.start(others[1], synchronous), replicas.start(others[2])]);
    await reconciledAfter(steady, 0);

    const load = new Load(acme);
    for (const product of [first, vanishing, standing, steady]) load.on(product);
    await sleep(1_500);
    await vanishing.kill();
    await rm(others[0], { recursive: true, force: true });
    await sleep(500);
    await first.kill();
    const killedAt = Date.now();
    standing.process.kill('SIGSTOP');
    const back = await replicas.start(firstFolder);
    load.on(back);
    await sleep(2.5 * TERM_MS);
    standing.process.kill('SIGCONT');
    await sleep(1_500);
    await load.end();

    const seen = provider.requests.map(({ body }) => String((JSON.parse(body.toString()) as { model: unknown }).model));
    expect(new Set(seen).size).toBe(seen.length);
    expect(load.answered.length).toBeGreaterThan(50);
    let events: readonly Counted[] = [];
    await eventually(
      async () => {
        events = await counted(steady, acme);
        return seen.every((model) => events.some((event) => event.model === model));
      },
      () => `${seen.length} requests reached the provider, and ${events.length} are counted`,
      60_000,
    );
    // What a journal that was left still holds comes a term later, if anything of it is not counted yet.
    await sleep(2 * TERM_MS);
    events = await counted(steady, acme);
    const outcomes = new Map(events.map(({ model, outcome }) => [model, outcome]));
    expect(outcomes.size).toBe(events.length);
    expect(load.answered.filter((model) => outcomes.get(model) !== 'completed')).toEqual([]);
    expect(events.filter(({ model, outcome }) => !seen.includes(model) && outcome !== 'aborted')).toEqual([]);
    const { body } = await apiOf(back.url, acme.admin.token).must('GET', '/api/v1/tenants/acme/usage');
    expect(body['totals']).toMatchObject({ requests: events.length });

    await reconciledAfter(steady, killedAt + 2 * TERM_MS);
    expect((await jobs(back)).filter(({ runs, replica }) => runs === 'once' && replica === null)).toEqual([]);
  }, 300_000);

  interface Counted {
    readonly model: string;
    readonly outcome: string;
  }

  async function counted({ url }: Product, { admin, id }: TestTenant): Promise<readonly Counted[]> {
    const events: Counted[] = [];
    let cursor: unknown;
    do {
      const { body } = await apiOf(url, admin.token).must('GET', `/api/v1/tenants/${id}/usage/events?limit=1000${typeof cursor === 'string' ? `&cursor=${cursor}` : ''}`);
      events.push(...(body['items'] as Counted[]));
      cursor = body['nextCursor'];
    } while (cursor !== null);
    return events;
  }

  interface Job {
    readonly name: string;
    readonly runs: string;
    readonly replica: string | null;
    readonly lastRun: { readonly replica: string; readonly outcome: string; readonly startedAt: string } | null;
  }

  async function jobs({ url }: Product): Promise<readonly Job[]> {
    return (await apiOf(url).must('GET', '/api/v1/jobs')).body['items'] as Job[];
  }

  /** Resolves when the credentials were reconciled later than that, by who has the lease. */
  async function reconciledAfter(product: Product, time: number): Promise<void> {
    let found: Job | undefined;
    await eventually(
      async () => {
        found = (await jobs(product)).find(({ name }) => name === 'reconcile');
        return found?.replica !== null && found?.lastRun?.replica === found?.replica && Date.parse(found?.lastRun?.startedAt ?? '') > time;
      },
      () => `nobody reconciles: ${JSON.stringify(found)}`,
      60_000,
    );
  }

  /** Requests again and again, each with a model of its own, so that it is known everywhere. */
  class Load {
    readonly answered: string[] = [];
    readonly #tenant: TestTenant;
    readonly #work: Promise<void>[] = [];
    #next = 0;
    #isOver = false;

    constructor(tenant: TestTenant) {
      this.#tenant = tenant;
    }

    on(product: Product): void {
      for (let index = 0; index < AT_ONCE; index += 1) this.#work.push(this.#ask(product));
    }

    async end(): Promise<void> {
      this.#isOver = true;
      await Promise.all(this.#work);
    }

    async #ask({ url, process }: Product): Promise<void> {
      while (!this.#isOver && process.exitCode === null && process.signalCode === null) {
        const model = `replica-model-${(this.#next += 1)}`;
        const answer = await apiOf(url, this.#tenant.gatewayKey).call('POST', '/v1/chat/completions', { model, messages: [{ role: 'user', content: 'Hello' }] }).catch(() => undefined);
        if (answer?.status === 200) this.answered.push(model);
        await sleep(20);
      }
    }
  }
});
