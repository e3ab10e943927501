import { rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { apiOf, handOver, makeTenant, type TestTenant } from '../support/api.ts';
import { eventually } from '../support/eventually.ts';
import type { Product } from '../support/product.ts';
import { describeWithPostgres } from '../support/servers/with-postgres.ts';
import { StoppableReplicas } from '../support/stoppable-replicas.ts';

const REQUESTS = 400;
/** Each replica has so many under way. */
const AT_ONCE = 4;
/** Milliseconds after which a journal in the database counts as left; 30 s in the product. */
const TERM_MS = 3_000;

describeWithPostgres('budgets on three replicas on PostgreSQL, of which one is killed and comes back, and one vanishes with its disk', () => {
  let replicas: StoppableReplicas;

  beforeAll(async () => {
    replicas = await StoppableReplicas.create({ TEST_LEASE_MS: String(TERM_MS) });
  });

  afterAll(async () => replicas.close());

  it('R5.4: the provider never sees more than the hard budget, and in the end nearly all of it; what was leased by the dead comes back', async () => {
    const { provider } = replicas;
    const firstFolder = await replicas.folder();
    const first = await replicas.start(firstFolder);
    const acme = await makeTenant(first, 'acme');
    await handOver(acme, 'openai', 'sk-test-key-of-many-replicas-01');
    const total = { per: 'total', hard: true };
    await acme.admin.must('PUT', '/api/v1/tenants/acme/budgets', { budgets: [{ ...total, amount: { requests: REQUESTS } }, { ...total, amount: { money: '1000' } }, { amount: { tokens: 100 }, per: 'day', hard: false }] });
    const others = [await replicas.folderLike(firstFolder), await replicas.folderLike(firstFolder)] as const;
    const [vanishing, steady] = await Promise.all([replicas.start(others[0], { KEYHOLD_JOURNAL: 'synchronous' }), replicas.start(others[1])]);

    const load = new Load(acme);
    for (const { url } of [first, vanishing, steady]) load.on(url);
    await eventually(() => provider.requests.length > 100, () => `${provider.requests.length} requests reached the provider`);
    await vanishing.kill();
    await rm(others[0], { recursive: true, force: true });
    await first.kill();
    const back = await replicas.start(firstFolder);
    load.on(back.url);
    // Whatever the dead have leased, nothing more than the budget is used meanwhile; then it is there again, and used up.
    let shown: Shown = [];
    await eventually(
      async () => {
        shown = await budgets(steady, acme);
        for (const { amount, spent, reserved, unaccounted } of shown.slice(0, 1)) expect(spent.requests + reserved.requests + unaccounted.requests).toBeLessThanOrEqual(amount.requests);
        return (shown[0]?.spent.requests ?? 0) >= REQUESTS * 0.98;
      },
      () => JSON.stringify(shown),
      120_000,
    );
    await load.end();
    expect(provider.requests.length).toBeLessThanOrEqual(REQUESTS);
    expect(load.refusal).toMatchObject({ status: 429, retry: 'false', body: { error: { code: 'budget_exceeded', message: expect.stringContaining("The tenant's budget of requests has 0 requests left of 400 requests") } } });

    await eventually(
      async () => {
        shown = await budgets(back, acme);
        return shown.every(({ reserved }) => Object.entries(reserved).every(([name, value]) => name === 'currency' || Number(value) === 0));
      },
      () => JSON.stringify(shown),
      60_000,
    );
    const events = (await apiOf(back.url, acme.admin.token).must('GET', '/api/v1/tenants/acme/usage/events?limit=1000')).body['items'] as { attempts: number; estimated: boolean; inputTokens: number; outputTokens: number }[];
    const [requests, , tokens] = shown;
    expect(requests?.spent.requests).toBe(events.filter(({ attempts }) => attempts > 0).length);
    expect(requests?.unaccounted.requests).toBe(0);
    expect(tokens?.spent.tokens).toBeGreaterThanOrEqual(events.filter(({ estimated }) => !estimated).reduce((sum, { inputTokens, outputTokens }) => sum + inputTokens + outputTokens, 0));
    expect(tokens?.alerts.map(({ percent }) => percent)).toEqual([50, 80, 100]);
    expect([first, vanishing, steady, back].map((product) => product.output().split('"budget_alert"').length - 1).reduce((sum, count) => sum + count, 0)).toBeLessThanOrEqual(6);
  }, 300_000);

  type Shown = readonly {
    readonly amount: { readonly requests: number };
    readonly spent: { readonly requests: number; readonly tokens: number };
    readonly reserved: { readonly requests: number; readonly currency?: string };
    readonly unaccounted: { readonly requests: number };
    readonly alerts: readonly { readonly percent: number }[];
  }[];

  async function budgets({ url }: Product, { admin }: TestTenant): Promise<Shown> {
    return (await apiOf(url, admin.token).must('GET', '/api/v1/tenants/acme/budgets')).body['budgets'] as Shown;
  }
});

/** Requests to replicas, one after the other on each connection, until the end. */
class Load {
  readonly #tenant: TestTenant;
  readonly #loops: Promise<void>[] = [];
  #isOver = false;
  /** The last one for want of budget. */
  refusal: { readonly status: number; readonly retry: string | null; readonly body: unknown } | undefined;

  constructor(tenant: TestTenant) {
    this.#tenant = tenant;
  }

  on(url: string): void {
    for (let n = 0; n < AT_ONCE; n += 1) this.#loops.push(this.#loop(url));
  }

  async end(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#loops);
  }

  async #loop(url: string): Promise<void> {
    while (!this.#isOver) {
      try {
        const answer = await fetch(`${url}/v1/chat/completions`, {
          method: 'POST',
          headers: { authorization: `Bearer ${this.#tenant.gatewayKey}`, 'content-type': 'application/json' },
          body: JSON.stringify({ model: 'gpt-4o-mini', max_tokens: 20, messages: [{ role: 'user', content: 'Hello' }] }),
        });
        const body: unknown = await answer.json();
        if (answer.status === 429) this.refusal = { status: 429, retry: answer.headers.get('x-should-retry'), body };
        if (answer.status !== 200) await sleep(200);
      } catch {
        // The replica is gone.
        return;
      }
    }
  }
}
